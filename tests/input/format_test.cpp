#include "tests/input/input_fixture.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/input/pins.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using tests::FreshDirectory;

namespace {

/// The error that `act` throws; `Fault::bug` where it throws none.
Error error_of_call(const std::function<void()>& act)
{
  try {
    act();
  } catch (const Error& e) {
    return e;
  }
  return {Fault::bug, "nothing was thrown"};
}

Fault fault_of(const std::function<void()>& act)
{
  return error_of_call(act).fault();
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
  CHECK(detect("a", "x\n{not json\n") == InputFormat::text);
  CHECK(detect("a", "{\"a\":1}\n{broken\n") == InputFormat::jsonl);
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
  CHECK(fault_of([&] { input::pin(dir.path().native(), InputFormat::csv); }) == Fault::usage);
}

TEST_CASE("a first line that begins as a JSON object does and is none is told with its place")
{
  const FreshDirectory dir;
  for (const auto* name : {"a", "a.data", "a.json"}) {
    const auto path = dir.file(name, "\n {\"a\":1,}\n{\"a\":2}\n").native();
    const auto e = error_of_call([&] { input::pin(path, InputFormat::automatic); });
    CAPTURE(std::string{e.what()});
    CHECK(e.fault() == Fault::input);
    CHECK(tests::says(e, "not JSON: expected a key in quotes"));
    REQUIRE(e.place());
    CHECK(e.place()->line == 2);
    CHECK(e.place()->byte == 9);
    CHECK(e.hint().find("--input-format") != std::string::npos);
    CHECK(error_of_call([&] { input::pin(path, InputFormat::text); }).fault() == Fault::bug); // nothing was thrown
  }
  const std::string big(input::longest_record, 'x');
  CHECK(input::detect_format(dir.file("a", "{" + big + "\n{\"a\":1}\n").native()) == InputFormat::jsonl);
}

TEST_CASE("an archive is called so, whatever its name and the format that was asked for")
{
  struct Case {
    const char* name;
    std::string content;
    const char* says;
    const char* hint;
  };
  const Case cases[] = {
      {"a.xz",
       {"\xfd"
        "7zXZ\0\0",
        7},
       "compressed (xz)",
       "unxz -k"},
      {"a.xlsx", {"PK\x03\x04\x14\0", 6}, "ZIP archive", "CSV"},
  };
  const FreshDirectory dir;
  for (const auto& c : cases) {
    for (const auto format : {InputFormat::automatic, InputFormat::csv, InputFormat::jsonl, InputFormat::text}) {
      const auto path = dir.file(c.name, c.content).native();
      const auto e = error_of_call([&] { input::pin(path, format); });
      CAPTURE(std::string{e.what()});
      CAPTURE(e.hint());
      CHECK(e.fault() == Fault::input);
      CHECK(tests::says(e, path));
      CHECK(tests::says(e, c.says));
      CHECK(e.hint().find(c.hint) != std::string::npos);
    }
  }
  CHECK(input::detect_format(dir.file("a", "PK and (\n").native()) == InputFormat::text);
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

TEST_CASE("tables are told by their first records, and prose with commas or tabs is text")
{
  const FreshDirectory dir;
  const auto detect = [&](std::string_view content) {
    return input::detect_format(dir.file("data", content).native());
  };
  CHECK(detect("id,text\n1,hello\n") == InputFormat::csv);
  CHECK(detect("\n\"id\",text,lang\r\n1,\"a, b\nc\",en\r\n") == InputFormat::csv);
  CHECK(detect("Product Name,Price (EUR)\nTea,3\n") == InputFormat::csv);
  CHECK(detect("id\ttext\n1\thello, you\n") == InputFormat::tsv);
  CHECK(detect("id,name\ttext\n1,2\thello\n") == InputFormat::tsv);
  CHECK(detect("{\"a\":1,\"b\":2}\n") == InputFormat::jsonl);

  CHECK(detect("one line, no more\n") == InputFormat::text);
  CHECK(detect("id,text\n") == InputFormat::text); // one record proves nothing
  CHECK(detect("Hello, world\nGoodbye, moon\n") == InputFormat::text);
  CHECK(detect("Yes,we can.\nNo,they cannot.\n") == InputFormat::text);
  CHECK(detect("a,b\n1,2\n3\n") == InputFormat::text);
  CHECK(detect("a,a\n1,2\n") == InputFormat::text);
  CHECK(detect("a,\n1,2\n") == InputFormat::text);
  CHECK(detect("1,2\n3,4\n") == InputFormat::text);
  CHECK(detect("a,b\n1,\"2\n") == InputFormat::text);
  CHECK(detect("a,b\n1,2\"\n") == InputFormat::text);
  CHECK(detect(std::string(65, 'a') + ",b\n1,2\n") == InputFormat::text);
  CHECK(detect("a\ta\n1\t2\n") == InputFormat::text);
  CHECK(detect("a\n1\n") == InputFormat::text);
}

TEST_CASE("only the first twenty records tell a table")
{
  const FreshDirectory dir;
  std::string csv = "id,text\n";
  for (int i = 0; i < 18; ++i)
    csv += "1,x\n";
  CHECK(input::detect_format(dir.file("a", csv + "1\n").native()) == InputFormat::text);
  CHECK(input::detect_format(dir.file("a", csv + "1,x\n1\n").native()) == InputFormat::csv); // refused when it is read
}

TEST_CASE("lines that end in CR alone are refused, where they would all be one")
{
  const FreshDirectory dir;
  const auto fault = [&](std::string_view content) {
    return fault_of([&] { input::detect_format(dir.file("a.list", content).native()); });
  };
  CHECK(fault("one\rtwo\rthree") == Fault::input);
  CHECK(fault("one\rtwo\n") == Fault::bug);
  CHECK(fault("one\r") == Fault::bug);
}

TEST_CASE("the columns that all records have are known before any is read")
{
  const FreshDirectory dir;
  const auto columns = [&](std::string_view content, InputFormat format) {
    return input::fixed_columns({.path = dir.file("a", content).native(), .format = format});
  };
  using Names = std::vector<std::string>;
  CHECK(columns("id,,\"a,b\"\n", InputFormat::csv) == Names{"id", "", "a,b"});
  CHECK(columns("id\ta,b\n", InputFormat::tsv) == Names{"id", "a,b"});
  CHECK(columns("", InputFormat::csv).empty());
  CHECK(columns("x\n", InputFormat::text) == Names{"text"});
  CHECK(columns("{\"a\":1}\n", InputFormat::jsonl).empty());
  CHECK(input::fixed_columns({.path = dir.path().native(), .format = InputFormat::files}) == Names{"path", "text"});
}

TEST_SUITE_END();
