#include "tests/support/child.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/realtime/journal.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

using namespace batchwright;
using realtime::Journal;
using realtime::Known;

namespace {

/// An answer line of a request, with `filling` in its text.
std::string answer_of(std::uint64_t request, int attempt = 1, const std::string& filling = "yes")
{
  std::string line;
  append_answer_id(line, request, attempt);
  return line + fmt::format(R"(,"custom_id":"bw-{:010}","response":{{"text":"{}"}},"error":null}})", request, filling) +
         '\n';
}

std::string begin_of(std::uint64_t request, int attempt = 1)
{
  std::string line;
  append_begin(line, request, attempt);
  return line;
}

std::string miss_of(std::uint64_t request, bool billed)
{
  std::string line;
  append_missed(line, {.kind = JournalLine::Kind::missed, .request = request, .billed = billed}, "HTTP 503");
  return line;
}

struct stat look(const std::filesystem::path& path)
{
  struct stat info = {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info;
}

/// Bytes of the disk that a file takes.
std::int64_t taken(const std::filesystem::path& path)
{
  return look(path).st_blocks * 512;
}

Fault fault_of(const std::function<void()>& work)
{
  try {
    work();
  } catch (const Error& error) {
    return error.fault();
  }
  FAIL("nothing was thrown");
  return Fault::bug;
}

struct Fixture {
  tests::FreshDirectory directory;
  std::filesystem::path path = directory / "0001.output.jsonl";

  std::string text() const { return tests::slurp(path); }
  /// What the journal says of request 0 whose lines these are.
  std::unique_ptr<Journal> opened(const std::string& content, std::uint64_t requests = 4)
  {
    directory.file("0001.output.jsonl", content);
    return std::make_unique<Journal>(path, requests);
  }
  std::uint64_t billed_again(const std::string& content) { return opened(content)->billed_again(); }
};

bool same(const Known& a, const Known& b)
{
  return a.answered == b.answered && a.attempt == b.attempt && a.open == b.open;
}

} // namespace

TEST_SUITE_BEGIN("realtime::journal");

TEST_CASE_FIXTURE(Fixture, "what is written stands in the file, in order, and is known when it is opened again")
{
  const JournalLine miss{.kind = JournalLine::Kind::missed, .request = 1, .attempt = 1, .billed = false};
  const auto check = [](const Journal& journal) {
    CHECK(same(journal.known(0), {.answered = true, .attempt = 1, .open = false}));
    CHECK(same(journal.known(1), {.answered = false, .attempt = 2, .open = true}));
    CHECK(same(journal.known(2), {.answered = false, .attempt = 0, .open = false}));
    CHECK(journal.answered() == 1);
    CHECK(journal.billed_again() == 0);
  };
  {
    Journal journal{path, 3};
    journal.begin(0, 1);
    journal.begin(1, 1);
    journal.answer(0, answer_of(0));
    journal.missed(miss, "HTTP 503");
    journal.begin(1, 2);
    check(journal);
    CHECK(text() == begin_of(0) + begin_of(1) + answer_of(0) + miss_of(1, false) + begin_of(1, 2));
  }
  check(Journal{path, 3});
  CHECK((look(path).st_mode & 0777) == 0600);
}

TEST_CASE_FIXTURE(Fixture, "requests are counted as possibly billed twice exactly where they were")
{
  CHECK(billed_again(begin_of(0) + answer_of(0)) == 0);
  CHECK(billed_again(begin_of(0) + begin_of(0) + answer_of(0)) == 1);
  CHECK(billed_again(begin_of(0) + miss_of(0, false) + begin_of(0, 2) + answer_of(0, 2)) == 0);
  CHECK(billed_again(begin_of(0) + miss_of(0, true) + begin_of(0, 2) + answer_of(0, 2)) == 1);
  CHECK(billed_again(begin_of(0)) == 0);
  CHECK(billed_again(begin_of(0) + begin_of(1) + begin_of(2) + begin_of(1) + begin_of(0) + begin_of(0)) == 3);
}

TEST_CASE_FIXTURE(Fixture, "a begin after the one that was in flight at a kill counts at once")
{
  auto journal = opened(begin_of(0) + begin_of(1));
  CHECK(journal->known(0).open);
  CHECK(journal->billed_again() == 0);
  journal->begin(0, 1);
  CHECK(journal->billed_again() == 1);
  journal->answer(0, answer_of(0));
  CHECK(journal->billed_again() == 1);
  CHECK_FALSE(journal->known(0).open);
  CHECK(journal->known(1).open);
}

TEST_CASE_FIXTURE(Fixture, "a torn tail is cut off, and what is written next begins a line")
{
  std::string tail;
  SUBCASE("half an answer")
  {
    tail = answer_of(1).substr(0, 40);
  }
  SUBCASE("a whole answer without its newline")
  {
    tail = answer_of(1);
    tail.pop_back();
  }
  SUBCASE("zeros after a loss of power")
  {
    tail = std::string(10'000, '\0');
  }
  SUBCASE("half a line, and zeros")
  {
    tail = "{\"begin\":1," + std::string(100, '\0');
  }
  const auto whole = begin_of(0) + answer_of(0);
  auto journal = opened(whole + tail);
  CHECK(text() == whole);
  CHECK(journal->known(0).answered);
  CHECK_FALSE(journal->known(1).answered);
  journal->begin(1, 1);
  CHECK(text() == whole + begin_of(1));
}

TEST_CASE_FIXTURE(Fixture, "a file of nothing but a torn line becomes empty")
{
  const auto journal = opened("{\"begin\":");
  CHECK(text().empty());
  CHECK(journal->answered() == 0);
}

TEST_CASE_FIXTURE(Fixture, "lines that are none of ours stay and say nothing")
{
  const auto content = "hello\n\n" + begin_of(0) + "{\"id\":\"resp_1\"}\n" + std::string(3, '\0') + "\n" +
                       R"({"id":"realtime-0-1","custom_id":")" + std::string(64, '\0') + "\"}\n" +
                       std::string(3 << 20, 'x') + "\n" + answer_of(1);
  const auto journal = opened(content);
  CHECK(text() == content);
  CHECK(same(journal->known(0), {.answered = false, .attempt = 1, .open = true}));
  CHECK(same(journal->known(1), {.answered = true, .attempt = 1, .open = false}));
  CHECK(journal->answered() == 1);
}

TEST_CASE_FIXTURE(Fixture, "an answer that stands there twice is one")
{
  CHECK(opened(answer_of(0) + answer_of(0))->answered() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a journal of another part is noticed")
{
  CHECK(fault_of([&] { opened(begin_of(4), 4); }) == Fault::bug);
  Journal journal{directory / "another", 2};
  CHECK(fault_of([&] { journal.begin(2, 1); }) == Fault::bug);
  CHECK(fault_of([&] { journal.known(2); }) == Fault::bug);
  CHECK(fault_of([&] { journal.answer(1, answer_of(0)); }) == Fault::bug);
  CHECK(fault_of([&] { journal.answer(0, answer_of(0) + answer_of(0)); }) == Fault::bug);
  CHECK(fault_of([&] { journal.answer(0, "{\"id\":\"realtime-0-1\"}"); }) == Fault::bug);
  CHECK(tests::slurp(directory / "another").empty());
}

TEST_CASE_FIXTURE(Fixture, "a file that cannot be opened is named")
{
  CHECK(fault_of([&] { Journal{directory / "nowhere/0001.output.jsonl", 1}; }) == Fault::storage);
  CHECK(fault_of([&] { Journal{directory.path(), 1}; }) == Fault::storage);
}

TEST_CASE_FIXTURE(Fixture, "what a process wrote before it was killed is all there")
{
  const tests::Signal written;
  const auto child = tests::in_child([&] {
    Journal journal{path, 1000};
    for (std::uint64_t request = 0; request < 1000; ++request) {
      journal.begin(request, 1);
      if (request % 2 == 0) journal.answer(request, answer_of(request));
    }
    written.tell();
    ::pause();
  });
  written.wait();
  ::kill(child, SIGKILL);
  CHECK(WIFSIGNALED(tests::status_of(child)));
  CHECK(taken(path) > 8 << 20); // what it had reserved

  const Journal journal{path, 1000};
  CHECK(taken(path) < 1 << 20);
  CHECK(journal.answered() == 500);
  for (std::uint64_t request = 0; request < 1000; ++request)
    REQUIRE(same(journal.known(request), {.answered = request % 2 == 0, .attempt = 1, .open = request % 2 == 1}));
}

TEST_CASE_FIXTURE(Fixture, "room is reserved before a request is sent, and what is not needed is given back")
{
  {
    Journal journal{path, 100};
    CHECK(taken(path) < 1 << 20);
    journal.begin(0, 1);
    CHECK(taken(path) >= 8 << 20);
    CHECK(look(path).st_size == static_cast<off_t>(begin_of(0).size()));
    // Answers are known to be large: all that are under way have room.
    journal.answer(0, answer_of(0, 1, std::string(3 << 20, 'x')));
    for (std::uint64_t request = 1; request <= 10; ++request)
      journal.begin(request, 1);
    CHECK(taken(path) >= (3 + 9 * 3 + 8) << 20);
  }
  CHECK(taken(path) < 4 << 20);
}

TEST_CASE_FIXTURE(Fixture, "a full disk throws, half a line is taken back, and with space again it goes on")
{
  Journal journal{path, 10};
  const auto before = begin_of(0) + begin_of(1) + answer_of(0);
  journal.begin(0, 1);
  journal.begin(1, 1);
  journal.answer(0, answer_of(0));
  {
    const tests::FileSizeLimit full{before.size() + 20};
    CHECK(fault_of([&] { journal.answer(1, answer_of(1)); }) == Fault::disk);
    CHECK(fault_of([&] { journal.begin(2, 1); }) == Fault::disk);
    CHECK(text() == before);
    CHECK_FALSE(journal.known(1).answered);
    CHECK(journal.known(2).attempt == 0);
    CHECK(journal.answered() == 1);
    journal.sync(); // what was written is safe
  }
  journal.answer(1, answer_of(1));
  CHECK(text() == before + answer_of(1));
  CHECK(journal.known(1).answered);
}

TEST_CASE("where written bytes cannot be made durable, every later call throws")
{
  Journal journal{"/dev/null", 10}; // which takes all, and syncs nothing
  journal.begin(0, 1);
  journal.begin(1, 1);
  journal.answer(0, answer_of(0));
  CHECK(fault_of([&] { journal.sync(); }) == Fault::disk);
  CHECK(fault_of([&] { journal.begin(2, 1); }) == Fault::disk);
  CHECK(fault_of([&] { journal.missed({.request = 1}, "HTTP 503"); }) == Fault::disk);
  CHECK(fault_of([&] { journal.answer(1, answer_of(1)); }) == Fault::disk);
  CHECK(fault_of([&] { journal.sync(); }) == Fault::disk);
  CHECK(journal.known(0).answered);
}

TEST_CASE("answers are synced unasked; begins and misses alone are not")
{
  Journal journal{"/dev/null", 10}; // where a syncing shows by its failure
  journal.begin(0, 1);
  journal.missed({.request = 0, .attempt = 1}, "HTTP 503");
  std::this_thread::sleep_for(std::chrono::milliseconds{50});
  journal.begin(0, 2);
  journal.answer(0, answer_of(0, 2));
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  const auto is_broken = [&] {
    try {
      journal.begin(1, 1);
      return false;
    } catch (const Error&) {
      return true;
    }
  };
  bool broken = false;
  while (!broken && std::chrono::steady_clock::now() < patience)
    broken = is_broken();
  CHECK(broken);
}

TEST_CASE_FIXTURE(Fixture, "many threads write whole lines, and sync() returns to each of them")
{
  constexpr std::uint64_t threads = 8;
  constexpr std::uint64_t each = 200;
  std::set<std::string> expected;
  {
    Journal journal{path, threads * each};
    std::vector<std::thread> running;
    for (std::uint64_t t = 0; t < threads; ++t) {
      running.emplace_back([&journal, t] {
        for (auto request = t * each; request < (t + 1) * each; ++request) {
          journal.begin(request, 1);
          journal.answer(request, answer_of(request, 1, std::string(request % 5000, 'x')));
          if (request % 50 == 0) journal.sync();
        }
      });
    }
    for (auto& thread : running)
      thread.join();
    CHECK(journal.answered() == threads * each);
  }
  for (std::uint64_t request = 0; request < threads * each; ++request) {
    expected.insert(begin_of(request));
    expected.insert(answer_of(request, 1, std::string(request % 5000, 'x')));
  }
  std::set<std::string> found;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);)
    found.insert(line + '\n');
  CHECK(found == expected);
  CHECK(Journal{path, threads * each}.answered() == threads * each);
}

TEST_SUITE_END();
