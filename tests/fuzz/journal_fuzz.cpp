// Any bytes as a real-time part's journal, and any line of it: what is read is what would be written so, a journal that
// was opened once is opened again to the same, and what is written then is known.

#include "tests/fuzz/entry.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/realtime/journal.hpp>

#include <fmt/format.h>

#include <sys/mman.h>
#include <unistd.h>

#include <string>

using namespace batchwright;
using realtime::Journal;

namespace {

constexpr std::uint64_t requests = 8;

void read_line(std::string_view line)
{
  const auto read = read_journal_line(line);
  tests::promise(is_journal_mark(line) == (read && read->kind != JournalLine::Kind::answer));
  if (const auto attempt = attempt_in_id(line)) tests::promise(*attempt >= 1);
  if (!read) return;
  std::string text;
  if (read->kind == JournalLine::Kind::begin) {
    append_begin(text, read->request, read->attempt);
    tests::promise(text == std::string{line} + '\n');
  } else if (read->kind == JournalLine::Kind::missed) {
    append_missed(text, *read, "");
    tests::promise(line.starts_with(text.substr(0, text.size() - 3)));
  } else {
    append_answer_id(text, read->request, read->attempt);
    tests::promise(line.starts_with(text));
    const auto id = std::string_view{text}.substr(7, text.size() - 8);
    tests::promise(attempt_in_id(id) == read->attempt);
  }
}

std::string in_words(const Journal& journal)
{
  auto text = fmt::format("{} {}", journal.answered(), journal.billed_again());
  for (std::uint64_t request = 0; request < requests; ++request) {
    const auto known = journal.known(request);
    text += fmt::format(" {} {} {}", known.answered, known.attempt, known.open);
  }
  return text;
}

void open_twice(std::string_view bytes)
{
  const Descriptor file{::memfd_create("journal", MFD_CLOEXEC)};
  tests::promise(write_all(file.get(), bytes));
  const auto path = fmt::format("/proc/self/fd/{}", file.get());
  const auto first = in_words(Journal{path, requests});
  const auto whole = bytes.rfind('\n') == std::string_view::npos ? "" : bytes.substr(0, bytes.rfind('\n') + 1);
  tests::promise(read_file(path) == whole);
  if (whole.empty()) return; // an empty one is one that is made, in a directory of this file system
  {
    Journal journal{path, requests};
    tests::promise(in_words(journal) == first);
    std::string answer;
    append_answer_id(answer, 3, 2);
    journal.answer(3, answer + "}\n");
  }
  const auto known = Journal{path, requests}.known(3);
  tests::promise(known.answered && !known.open && known.attempt >= 2);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const auto bytes = tests::text_of(data, size);
  read_line(bytes.substr(0, bytes.find('\n')));
  if (bytes.empty()) return 0;
  try {
    open_twice(bytes);
  } catch (const Error& error) {
    tests::promise(error.fault() == Fault::bug); // a line of a request that the part does not have
  }
  return 0;
}
