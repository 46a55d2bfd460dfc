#include "tests/input/input_fixture.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/input/pins.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using tests::FreshDirectory;

namespace {

Fault fault_of(const std::function<void()>& act)
{
  try {
    act();
  } catch (const Error& e) {
    return e.fault();
  }
  return Fault::bug;
}

} // namespace

TEST_SUITE_BEGIN("input::format");

TEST_CASE("the name decides, else the first line")
{
  const FreshDirectory dir;
  const auto detect = [&](std::string_view name, std::string_view content) {
    return input::detect_format(dir.file(name, content).native());
  };
  CHECK(detect("a.csv", "{\"a\":1}\n") == InputFormat::csv);
  CHECK(detect("a.CSV", "x\n") == InputFormat::csv);
  CHECK(detect("a.jsonl", "x\n") == InputFormat::jsonl);
  CHECK(detect("a.ndjson", "x\n") == InputFormat::jsonl);
  CHECK(detect("a.txt", "{\"a\":1}\n") == InputFormat::text);
  CHECK(detect("a.json", "\n {\"a\":1} \r\n{\"a\":2}\n") == InputFormat::jsonl);
  CHECK(detect("a", "\xef\xbb\xbf{\"a\":1}") == InputFormat::jsonl);
  CHECK(detect("a", "{not json\n") == InputFormat::text);
  CHECK(detect("a.list", "[1]\n") == InputFormat::text);
}

TEST_CASE("what cannot be an input is refused when it is pinned, whatever format was named")
{
  const FreshDirectory dir;
  const auto pin = [&](std::string_view name, std::string_view content, InputFormat format) {
    return fault_of([&] { input::pin(dir.file(name, content).native(), format); });
  };
  for (const auto format : {InputFormat::automatic, InputFormat::csv, InputFormat::jsonl, InputFormat::text}) {
    CHECK(pin("empty.csv", "", format) == Fault::input);
    CHECK(pin("utf16.csv", {"\xff\xfe\x61\0", 4}, format) == Fault::input);
    CHECK(pin("utf16.csv", {"\0a\0,", 4}, format) == Fault::input);
  }
  CHECK(pin("array.json", "[\n{\"a\":1}\n]\n", InputFormat::automatic) == Fault::input);
  CHECK(pin("array.json", "[\n{\"a\":1}\n]\n", InputFormat::text) == Fault::bug); // not thrown: the user knows better
  CHECK(fault_of([&] { input::pin((dir / "missing.csv").native(), InputFormat::csv); }) == Fault::storage);
  CHECK(fault_of([&] { input::pin(dir.path().native(), InputFormat::csv); }) == Fault::storage);
}

TEST_CASE("a pinned file has one name, its size and its digest")
{
  const FreshDirectory dir;
  const auto path = dir.file("data.bin", "abc");
  std::filesystem::create_symlink(path, dir / "in.csv");
  const auto pinned = input::pin((dir / "./in.csv").native(), InputFormat::automatic);
  CHECK(pinned.path == std::filesystem::canonical(path).native());
  CHECK(pinned.format == InputFormat::csv); // by the name the user gave
  CHECK(pinned.bytes == 3);
  CHECK(pinned.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a changed file is named")
{
  const FreshDirectory dir;
  const auto pinned = input::pin(dir.file("in.txt", "abc\n").native(), InputFormat::automatic);
  input::Pins pins{{pinned}};
  CHECK_NOTHROW(pins.check());
  for (const auto* other : {"abd\n", "abc\n\n"}) {
    dir.file("in.txt", other);
    try {
      pins.check();
      FAIL("not noticed");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::input);
      CHECK(tests::says(e, pinned.path));
    }
  }
  std::filesystem::remove(pinned.path);
  CHECK(fault_of([&] { pins.check(); }) == Fault::storage);
}

TEST_CASE("what was read from a file that changed meanwhile is not used, and the change is what is told")
{
  const FreshDirectory dir;
  const auto pinned = input::pin(dir.file("in.txt", "abc\n").native(), InputFormat::automatic);
  input::Pins pins{{pinned}};
  CHECK(pins.hold([] { return 7; }) == 7);
  CHECK(fault_of([&] { pins.hold([&] { return dir.file("in.txt", "abd\n"); }); }) == Fault::input);
  dir.file("in.txt", "abc\n");
  CHECK(fault_of([&] {
          pins.hold([&]() -> int {
            dir.file("in.txt", "abd\n");
            throw Error{Fault::bug, "nonsense was read"};
          });
        }) == Fault::input);
}

TEST_CASE("a file whose size and times are as they were is not read again")
{
  const FreshDirectory dir;
  const auto path = dir.file("in.txt", "abc\n");
  auto pinned = input::pin(path.native(), InputFormat::automatic);
  pinned.witness = "of another file";
  input::Pins pins{{pinned}};
  CHECK_NOTHROW(pins.check()); // its digest vouches for it
  pinned.sha256 = "of another file";
  pinned.witness = file_witness(path);
  if (pinned.witness.empty()) { // written just now: nothing is taken on trust yet
    CHECK(fault_of([&] { input::Pins{{pinned}}.check(); }) == Fault::input);
  }
}

TEST_SUITE_END();
