#include "tests/support/child.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <iterator>
#include <optional>
#include <random>

using namespace batchwright;
namespace fs = std::filesystem;

namespace {

std::size_t entries(const fs::path& directory)
{
  return static_cast<std::size_t>(std::distance(fs::directory_iterator{directory}, {}));
}

/// The message of the storage error that `work` must throw.
template<class Work>
std::string refused(Work&& work)
{
  try {
    work();
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::storage);
    return e.what();
  }
  return {};
}

bool names(const std::string& message, const fs::path& path)
{
  return message.find(path.native()) != std::string::npos;
}

} // namespace

TEST_SUITE_BEGIN("base::files");

TEST_CASE("a file appears whole at its commit, and not before")
{
  const tests::FreshDirectory home;
  AtomicFile file{home / "out"};
  const std::string big(3 << 20, 'b');
  file.write("small,");
  file.write(big);
  file.write(",end");
  CHECK_FALSE(fs::exists(home / "out"));
  CHECK(file.size() == big.size() + 10);
  file.commit();
  CHECK(tests::slurp(home / "out") == "small," + big + ",end");
  CHECK(entries(home.path()) == 1);
  CHECK(fs::status(home / "out").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a file's bytes are those that were written, in pieces of any size, also where it changed hands")
{
  const tests::FreshDirectory home;
  constexpr std::size_t block = 1 << 18; // of its buffer; every 8 MiB it is told to go to the disk
  std::mt19937 random{1};
  for (const auto durable : {AtomicFile::Durable::no, AtomicFile::Durable::yes}) {
    std::string expected;
    std::optional<AtomicFile> file{std::in_place, home / "out", durable};
    while (expected.size() < 20 << 20) {
      const std::size_t sizes[] = {0, 1, random() % 5000, block - 1, block, block + 1, random() % (3 * block)};
      const std::string piece(sizes[random() % std::size(sizes)], static_cast<char>('a' + expected.size() % 26));
      file->write(piece);
      expected += piece;
      REQUIRE(file->size() == expected.size());
      if (random() % 8 > 0) continue;
      AtomicFile moved{std::move(*file)};
      file.emplace(std::move(moved));
    }
    file->commit();
    CHECK(tests::slurp(home / "out") == expected);
    CHECK(entries(home.path()) == 1);
  }
}

TEST_CASE("what the user asked for is made as any program makes files")
{
  const tests::FreshDirectory home;
  const auto old = ::umask(022);
  AtomicFile file{home / "out", AtomicFile::Durable::no, AtomicFile::Access::by_umask};
  ::umask(old);
  file.commit();
  CHECK((fs::status(home / "out").permissions() & fs::perms::others_read) != fs::perms::none);
}

TEST_CASE("what was not committed leaves nothing and replaces nothing")
{
  const tests::FreshDirectory home;
  home.file("out", "old");
  {
    AtomicFile file{home / "out"};
    file.write("new");
  }
  CHECK(tests::slurp(home / "out") == "old");
  CHECK(entries(home.path()) == 1);
  AtomicFile file{home / "out"};
  AtomicFile moved{std::move(file)};
  moved.write("new");
  moved.commit();
  CHECK(tests::slurp(home / "out") == "new");
}

TEST_CASE("several writers of one place do not meet, the last to commit stands")
{
  const tests::FreshDirectory home;
  AtomicFile one{home / "out"};
  AtomicFile two{home / "out"};
  one.write("one");
  two.write("two");
  two.commit();
  one.commit();
  CHECK(tests::slurp(home / "out") == "one");
}

TEST_CASE("what killed processes wrote beside a file goes; what others write, and other names, stay")
{
  const tests::FreshDirectory dir;
  const auto gone = tests::in_child([] {});
  REQUIRE(tests::status_of(gone) == 0);
  const auto leftover = dir.file(fmt::format("out.jsonl.tmp-{}-2", gone), "half");
  const std::vector others{dir.file(fmt::format("out.jsonl.tmp-{}", gone), "a user's"),
                           dir.file(fmt::format("out.jsonl.tmp-{}-2.txt", gone), "a user's"),
                           dir.file(fmt::format("out.jsonl.tmp-x{}-2", gone), "a user's"),
                           dir.file(fmt::format("other.jsonl.tmp-{}-2", gone), "of another file"),
                           dir.file("out.jsonl", "the file itself")};
  AtomicFile being_written{dir / "out.jsonl"};
  discard_uncommitted(dir / "out.jsonl");
  CHECK_FALSE(fs::exists(leftover));
  for (const auto& path : others)
    CHECK(fs::exists(path));
  being_written.commit(); // it still can be
  discard_uncommitted(dir / "nowhere" / "out.jsonl");
}

TEST_CASE("a refusal of the system names the file")
{
  const tests::FreshDirectory home;
  CHECK(names(refused([&] { InputFile{home / "missing"}; }), home / "missing"));
  CHECK(names(refused([&] { AtomicFile{home / "no" / "out"}; }), home / "no" / "out"));
  CHECK(names(refused([&] { read_file(home.path()); }), home.path()));
  CHECK(refused([&] { read_file(home / "missing"); }).find("No such file") != std::string::npos);
  fs::create_directory(home / "taken");
  CHECK(names(refused([&] { write_file(home / "taken", "x"); }), home / "taken"));
  CHECK(entries(home.path()) == 1); // the temporary is gone as well
}

TEST_CASE("a disk that takes no more is an error, and the old file stands")
{
  const tests::FreshDirectory home;
  home.file("out", "old");
  // The limit on a file's size stands for a full disk; it holds for a whole process, so a child gets it.
  const auto child = tests::in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file(home / "out", std::string(3 << 20, 'n'));
    } catch (const Error& e) {
      ::_exit(e.fault() == Fault::disk ? 7 : 8);
    }
  });
  const auto status = tests::status_of(child);
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(tests::slurp(home / "out") == "old");
  CHECK(entries(home.path()) == 1);
}

TEST_CASE("an input file is read in blocks from any place")
{
  const tests::FreshDirectory home;
  InputFile file{home.file("in", "0123456789")};
  char block[4] = {};
  CHECK(file.size() == 10);
  CHECK(file.read(block, 4) == 4);
  CHECK(std::string_view{block, 4} == "0123");
  file.seek(8);
  CHECK(file.read(block, 4) == 2);
  CHECK(std::string_view{block, 2} == "89");
  CHECK(file.read(block, 4) == 0);
}

TEST_CASE("a temporary directory goes with its scope, or stays where it is put")
{
  const tests::FreshDirectory home;
  fs::path made;
  {
    const TemporaryDirectory scratch{home.path(), "plan"};
    made = scratch.path();
    CHECK(fs::status(made).permissions() == fs::perms::owner_all);
    CHECK(made.filename().native().starts_with(".tmp-plan-"));
    write_file(made / "a", "1");
    fs::create_directory(made / "deep");
    write_file(made / "deep" / "b", "2");
  }
  CHECK_FALSE(fs::exists(made));
  {
    TemporaryDirectory scratch{home.path(), "plan"};
    write_file(scratch.path() / "a", "1");
    scratch.keep(home / "job");
  }
  CHECK(tests::slurp(home / "job" / "a") == "1");
  CHECK(entries(home.path()) == 1);
  {
    TemporaryDirectory second{home.path(), "plan"};
    CHECK_FALSE(refused([&] { second.keep(home / "job"); }).empty()); // never over something that is there
  }
  CHECK(tests::slurp(home / "job" / "a") == "1");
  CHECK(entries(home.path()) == 1);
}

TEST_CASE("private directories are made with their parents, once")
{
  const tests::FreshDirectory home;
  make_private_directory(home / "a" / "b" / "c");
  make_private_directory(home / "a" / "b" / "c");
  CHECK(fs::status(home / "a").permissions() == fs::perms::owner_all);
  CHECK(fs::status(home / "a" / "b" / "c").permissions() == fs::perms::owner_all);
  home.file("file", "");
  CHECK_FALSE(refused([&] { make_private_directory(home / "file" / "below"); }).empty());
}

TEST_CASE("discarding what is not there is no trouble")
{
  const tests::FreshDirectory home;
  discard_file(home.file("a", "x"));
  discard_file(home / "a");
  CHECK(entries(home.path()) == 0);
}

TEST_CASE("a descriptor has one owner")
{
  int ends[2] = {};
  REQUIRE(::pipe(ends) == 0);
  const Descriptor reader{ends[0]};
  {
    Descriptor writer{ends[1]};
    Descriptor other{std::move(writer)};
    CHECK_FALSE(static_cast<bool>(writer)); // NOLINT(bugprone-use-after-move): that it is empty is the promise
    CHECK(write_all(other.get(), "text"));
    writer = std::move(other);
    CHECK(writer.get() == ends[1]);
  }
  char block[8] = {};
  CHECK(::read(reader.get(), block, 8) == 4);
  CHECK(::read(reader.get(), block, 8) == 0); // the writing end is closed
  CHECK_FALSE(write_all(-1, "text"));
  CHECK(write_all(-1, ""));
}

TEST_CASE("a file without a name leaves nothing, until it is given a place")
{
  const tests::FreshDirectory dir;
  {
    UnnamedFile gone{dir.path()};
    gone.write("bytes");
    CHECK(entries(dir.path()) == 0);
    CHECK(read_file(gone.path()) == "bytes");
  }
  CHECK(entries(dir.path()) == 0);

  UnnamedFile kept{dir.path()};
  kept.write("one");
  kept.keep(dir / "a");
  CHECK(read_file(dir / "a") == "one");
  CHECK(fs::status(dir / "a").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(entries(dir.path()) == 1);

  UnnamedFile other{dir.path()};
  other.write("two");
  other.keep(dir / "a"); // what is there is replaced
  CHECK(read_file(dir / "a") == "two");
  CHECK(entries(dir.path()) == 1);
}

TEST_CASE("a file without a name goes over to another file system as a copy")
{
  const tests::FreshDirectory dir;
  struct stat here = {};
  struct stat there = {};
  if (::stat("/dev/shm", &there) != 0 || ::access("/dev/shm", W_OK) != 0) return;
  REQUIRE(::stat(dir.path().c_str(), &here) == 0);
  if (here.st_dev == there.st_dev) return;
  UnnamedFile file{"/dev/shm"};
  file.write(std::string(3'000'000, 'x'));
  file.keep(dir / "a");
  CHECK(read_file(dir / "a") == std::string(3'000'000, 'x'));
  CHECK(entries(dir.path()) == 1);
}

TEST_SUITE_END();
