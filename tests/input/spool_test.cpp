#include "tests/input/input_fixture.hpp"
#include "tests/support/packing.hpp"

#include <batchwright/input/pins.hpp>
#include <batchwright/input/spool.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <thread>

using namespace batchwright;
using tests::FreshDirectory;
using tests::says;

namespace {

/// Spools what another thread writes into a pipe, in pieces of this size.
void spool_from_pipe(const std::string& content, UnnamedFile& to, std::size_t piece = 1 << 16)
{
  int ends[2] = {};
  REQUIRE(::pipe(ends) == 0);
  std::thread writer{[&] {
    for (std::size_t at = 0; at < content.size(); at += piece)
      write_all(ends[1], std::string_view{content}.substr(at, piece));
    ::close(ends[1]);
  }};
  input::spool(ends[0], to, {});
  writer.join();
  ::close(ends[0]);
}

std::string rows(int n)
{
  std::string csv = "id,text\n";
  for (int i = 0; i < n; ++i)
    csv += std::to_string(i) + ",row " + std::to_string(std::int64_t{i} * i) + "\n";
  return csv;
}

} // namespace

TEST_SUITE_BEGIN("input::spool");

TEST_CASE("what is piped in is read as the file would be, and known again in it")
{
  const FreshDirectory dir;
  const auto csv = rows(50'000);
  const auto plain = input::pin(dir.file("rows.csv", csv), InputFormat::automatic);
  const auto items = tests::read_all({plain});
  for (const auto& piped : {csv, tests::gzipped(csv), tests::zstandard(csv)}) {
    UnnamedFile file{dir.path()};
    spool_from_pipe(piped, file);
    const auto pinned = input::pin_spooled(file, InputFormat::csv);
    CHECK(pinned.spooled);
    CHECK(pinned.bytes == plain.bytes);
    CHECK(pinned.sha256 == plain.sha256);
    const auto again = tests::read_all({pinned});
    REQUIRE(again.size() == items.size());
    CHECK(again.back().fields == items.back().fields);
    CHECK(again.back().mark == items.back().mark);
    CHECK(InputFile{file.path()}.size() < csv.size() / 2); // packed
  }
}

TEST_CASE("the packing of what is piped in is seen however small the pieces are")
{
  const FreshDirectory dir;
  const auto csv = rows(10);
  UnnamedFile file{dir.path()};
  spool_from_pipe(tests::gzipped(csv), file, 1);
  CHECK(input::pin_spooled(file, InputFormat::csv).bytes == csv.size());
}

TEST_CASE("nothing piped in is refused, and told as standard input")
{
  const FreshDirectory dir;
  UnnamedFile file{dir.path()};
  spool_from_pipe("", file);
  try {
    input::pin_spooled(file, InputFormat::automatic);
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    const auto told = input::told_of_stdin(e, file);
    CHECK(told.fault() == Fault::input);
    CHECK(says(told, "reading standard input: the file is empty"));
    REQUIRE(told.place());
    CHECK(told.place()->file == "standard input");
  }
}

TEST_CASE("Ctrl-C ends the wait for a pipe that gives nothing")
{
  const FreshDirectory dir;
  int ends[2] = {};
  REQUIRE(::pipe(ends) == 0);
  UnnamedFile file{dir.path()};
  Interrupt interrupt;
  interrupt.ask(2);
  CHECK_THROWS_AS(input::spool(ends[0], file, interrupt), Error);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("a spooled input that changed is refused; packed in another way it is the same")
{
  const FreshDirectory dir;
  const auto csv = rows(100);
  UnnamedFile file{dir.path()};
  spool_from_pipe(csv, file);
  auto pinned = input::pin_spooled(file, InputFormat::csv);
  pinned.path = dir / "input.zst";
  file.keep(pinned.path);
  input::Pins pins{{pinned}};
  pins.check();
  dir.file("input.zst", tests::gzipped(csv));
  pins.check();
  dir.file("input.zst", tests::zstandard(rows(99) + "99,row 9802\n"));
  CHECK_THROWS_AS(pins.check(), Error);
}

TEST_SUITE_END();
