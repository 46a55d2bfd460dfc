#include "tests/input/input_fixture.hpp"

#include <batchwright/input/csv.hpp>

#include <doctest/doctest.h>

#include <csv.h>

#include <algorithm>
#include <random>

using namespace batchwright;
using tests::error_of;
using tests::FreshDirectory;
using tests::read_all;
using tests::says;
using tests::Seen;

namespace {

std::vector<PinnedInput> csv(const FreshDirectory& dir, std::string_view content)
{
  return {tests::input_file(dir, "in.csv", content, InputFormat::csv)};
}

using Table = std::vector<std::vector<std::string>>;

Table scanned(const std::filesystem::path& path)
{
  Table table;
  input::CsvScanner scanner{path.native()};
  while (scanner.next()) {
    REQUIRE_FALSE(scanner.fault());
    auto& row = table.emplace_back();
    for (std::size_t i = 0; i < scanner.fields(); ++i)
      row.emplace_back(scanner.field(i));
  }
  return table;
}

Table libcsv(std::string_view text)
{
  struct State {
    Table table = {};
    std::vector<std::string> row = {};
  } state;
  csv_parser parser;
  REQUIRE(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
  csv_set_space_func(&parser, [](unsigned char) { return 0; }); // spaces are text
  const auto on_field = [](void* bytes, std::size_t size, void* s) {
    static_cast<State*>(s)->row.emplace_back(static_cast<const char*>(bytes), size);
  };
  const auto on_row = [](int, void* s) {
    auto& st = *static_cast<State*>(s);
    st.table.push_back(std::exchange(st.row, {}));
  };
  REQUIRE(csv_parse(&parser, text.data(), text.size(), on_field, on_row, &state) == text.size());
  REQUIRE(csv_fini(&parser, on_field, on_row, &state) == 0);
  csv_free(&parser);
  return state.table;
}

/// A field of runs of what CSV takes for a sign, and of text, long enough to fill several blocks of 64 bytes.
std::string long_field(std::mt19937& random)
{
  std::string field;
  for (auto n = random() % 12; n > 0; --n) {
    const auto size = random() % (random() % 3 == 0 ? 200 : 4);
    const std::string run = random() % 8 == 0 ? "\r\n" : std::string(size, "\"\"\"x,\n"[random() % 6]);
    field += run;
  }
  return field;
}

/// The field as it stands in a file, each quote in it doubled by hand.
std::string in_quotes(std::string_view field)
{
  std::string out = "\"";
  for (const char c : field)
    out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

} // namespace

TEST_SUITE_BEGIN("input::csv");

TEST_CASE("quoted fields keep commas, quotes and line ends, and marks say where records stand")
{
  const FreshDirectory dir;
  const std::string text = "id,text\r\n"
                           "1,\"a, \"\"b\"\"\r\nc\nd\"\r\n"
                           "\r\n"
                           "2, spaces and 'quotes' stay \n"
                           "\n"
                           "\"3\",\"\"";
  const auto items = read_all(csv(dir, text));
  REQUIRE(items.size() == 3);
  CHECK(items[0]["text"] == "a, \"b\"\r\nc\nd");
  CHECK(items[1]["text"] == " spaces and 'quotes' stay ");
  CHECK(items[2]["id"] == "3");
  CHECK(items[2]["text"].empty());
  CHECK(items[0].mark == Mark{0, 0, 9, 2});
  CHECK(items[1].mark == Mark{1, 0, text.find("2, "), 6});
  CHECK(items[2].mark == Mark{2, 0, text.find("\"3\""), 8});
}

TEST_CASE("a byte order mark and blank lines before the header are passed over")
{
  const FreshDirectory dir;
  const auto items = read_all(csv(dir, "\xef\xbb\xbf\r\n\n\"a\",b\n1,2\n"));
  REQUIRE(items.size() == 1);
  CHECK(items[0]["a"] == "1");
  CHECK(items[0].mark.line == 4);
  CHECK(items[0].mark.offset == 12);
}

TEST_CASE("NUL, a lone carriage return and any UTF-8 pass exactly")
{
  const FreshDirectory dir;
  using namespace std::string_literals;
  const auto items = read_all(csv(dir, "t,u\na\0b\rc,\"\r\0\"\n漢😀,\r\n"s));
  REQUIRE(items.size() == 2);
  CHECK(items[0]["t"] == "a\0b\rc"s);
  CHECK(items[0]["u"] == "\r\0"s);
  CHECK(items[1]["t"] == "漢😀");
  CHECK(items[1]["u"].empty());
}

TEST_CASE("a file may end without a line end, or within one")
{
  const FreshDirectory dir;
  for (const auto* tail : {"", "\n", "\r\n", "\r", "\n\n\r\n", "\n\r"}) {
    CAPTURE(tail);
    const auto plain = read_all(csv(dir, std::string{"a,b\n1,2"} + tail));
    REQUIRE(plain.size() == 1);
    CHECK(plain[0]["b"] == "2");
    const auto quoted = read_all(csv(dir, std::string{"a,b\n1,\"2\""} + tail));
    REQUIRE(quoted.size() == 1);
    CHECK(quoted[0]["b"] == "2");
  }
  CHECK(read_all(csv(dir, "a,b\n1,"))[0]["b"].empty());
  CHECK(read_all(csv(dir, "a,b")).empty());
  CHECK(read_all(csv(dir, "\n\n")).empty());
}

TEST_CASE("faults name file, line and byte")
{
  struct Case {
    std::string text;
    const char* says;
    std::uint64_t line;
    std::uint64_t byte;
  };
  const Case cases[] = {
      {"a,b,c,d\n1,2,3\n", "has 3 fields, the header has 4", 2, 8},
      {"a,b\n1,2\n\"x\ny\",2\n1,2,3\n", "has 3 fields, the header has 2", 5, 16},
      {"a,b\n1\n", "has 1 field, the header has 2", 2, 4},
      {"a\n\"x\ny\n", "the quote that opens here is never closed", 2, 2},
      {"a,b\n1,\"x\n\ny\"\"", "the quote that opens here is never closed", 2, 6},
      {"a,b\n1,5\" pipe\n", "a quote inside a field", 2, 7},
      {"a,b\n1,\"5\" pipe\n", "text behind a closing quote", 2, 9},
      {"a,b\n1,\"5\"\rx\n", "text behind a closing quote", 2, 9},
      {"a,b\n\"x\n\",\xff\n", "not UTF-8", 3, 9},
      {"a,b\n1,caf\xe9\n", "not UTF-8", 2, 9},
      {"a,b\xe9\n1,2\n", "not UTF-8", 1, 3},
      {"\na,b,a\n1,2,3\n", "the column `a` twice", 2, 1},
      {"a,b\r1,2\r3,4\r", "a carriage return in the header", 1, 0},
      {"\xff\xfe\x61", "UTF-16", 1, 0},
  };
  const FreshDirectory dir;
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto inputs = csv(dir, c.text);
    const auto e = error_of(inputs);
    CAPTURE(std::string{e.what()});
    CHECK(e.fault() == Fault::input);
    CHECK(says(e, c.says));
    CHECK(says(e, inputs[0].path));
    REQUIRE(e.place());
    CHECK(e.place()->file == inputs[0].path);
    CHECK(e.place()->line == c.line);
    CHECK(e.place()->byte == c.byte);
    CHECK_FALSE(e.hint().empty());
  }
}

TEST_CASE("a quote that is never closed cannot be put aside, a quote out of place can")
{
  const FreshDirectory dir;
  CHECK(says(error_of(csv(dir, "a\n\"x\ny\n"), {100, {}}), "never closed"));

  std::vector<std::uint64_t> lines;
  const input::Options options{4, [&](const Error& e) { lines.push_back(e.place()->line); }};
  const auto items = read_all(csv(dir, "a,b\n1,2\n3,4\" x\n5,\"6\" y\n\xff,7\n8\n9,10\n"), options);
  CHECK(lines == std::vector<std::uint64_t>{3, 4, 5, 6});
  REQUIRE(items.size() == 2);
  CHECK(items[1]["a"] == "9");
  CHECK(items[1].mark.ordinal == 1);
}

TEST_CASE("columns may be without a name, several of them too")
{
  const FreshDirectory dir;
  const auto pandas = read_all(csv(dir, ",text\n0,hello\n1,\"a,b\"\n"));
  REQUIRE(pandas.size() == 2);
  CHECK(pandas[0].fields == Seen{{{"", "0"}, {"text", "hello"}}, {}}.fields);
  CHECK(pandas[1]["text"] == "a,b");
  const auto several = read_all(csv(dir, "a,b,,\"\"\n1,2,3,4\n"));
  CHECK(several.at(0).fields == Seen{{{"a", "1"}, {"b", "2"}, {"", "3"}, {"", "4"}}, {}}.fields);
  CHECK(read_all(csv(dir, ",,\n1,2,3\n")).size() == 1);
}

TEST_CASE("a field is found by its name among many columns")
{
  const FreshDirectory dir;
  std::string header;
  std::string row;
  for (int i = 0; i < 300; ++i) {
    header += (i > 0 ? ",c" : "c") + std::to_string(i);
    row += (i > 0 ? "," : "") + std::to_string(7 * i);
  }
  const auto inputs = csv(dir, header + "\n" + row + "\n");
  const auto stream = input::open(inputs, {});
  const auto* item = stream->next();
  REQUIRE(item);
  for (int i = 0; i < 300; ++i)
    CHECK(item->field("c" + std::to_string(i))->bytes == std::to_string(7 * i));
  CHECK_FALSE(item->field("c300"));
  CHECK_FALSE(item->field(""));
}

TEST_CASE("a record longer than 16 MiB is refused where it begins, an open quote where it opens")
{
  const FreshDirectory dir;
  const std::string big(input::longest_record, 'x');
  CHECK(read_all(csv(dir, "a\n" + big + "\r\n1\n")).size() == 2);
  CHECK(read_all(csv(dir, "a\n1\n" + big)).size() == 2);
  for (const auto* tail : {"x", "x\n1\n", "x\r\n", "xyz"}) {
    const auto e = error_of(csv(dir, "a\n1\n" + big + tail));
    CHECK(says(e, "longer than 16 MiB"));
    CHECK(e.place()->line == 3);
    CHECK(e.place()->byte == 4);
    CHECK(e.hint().find("--skip-bad") != std::string::npos);
  }
  const auto closed = error_of(csv(dir, "a,b\nx,\"" + big + "\n" + big + "\"\n1,2\n"));
  CHECK(says(closed, "not closed within 16 MiB"));
  CHECK(closed.place()->line == 2);
  CHECK(closed.place()->byte == 6);
  CHECK_FALSE(closed.hint().empty());
  const auto header = error_of(csv(dir, "a," + big + "\n1,2\n"), {9, {}});
  CHECK(says(header, "longer than 16 MiB"));
  CHECK(header.place()->line == 1);
  CHECK_FALSE(header.hint().empty());
}

TEST_CASE("a record longer than 16 MiB is one bad record, whatever is in it, and is passed over without being held")
{
  const FreshDirectory dir;
  const std::string big(input::longest_record, 'x');
  const std::string lines = "\"" + big + "\n\"\"\n" + big + "\"";
  const std::string records[] = {
      big + "y,1\n",                                   // plain to its end
      big + "y,1\r\n",                                 //
      big + "\"y\",\"a\nb\"\n",                        // quotes inside are text; a quoted field behind
      big + "," + big + ",\"a,\"\"\n\n\"\"\nb\",\r\n", // doubled quotes and line ends in it
      lines + ",1\n",                                  // the long field is quoted
      lines + "text\n",                                // text behind its closing quote
      "1," + lines + "\r\n",
  };
  for (const auto& record : records) {
    CAPTURE(record.substr(record.size() - 20));
    std::vector<std::uint64_t> told;
    const auto items = read_all(csv(dir, "a,b\n1,2\n" + record + "3,\"4\n\"\n5\n6,7\n"),
                                {2, [&](const Error& e) { told.push_back(e.place()->line); }});
    const auto newlines = static_cast<std::uint64_t>(std::count(record.begin(), record.end(), '\n'));
    CHECK(told == std::vector<std::uint64_t>{3, 5 + newlines});
    REQUIRE(items.size() == 3);
    CHECK(items[1]["b"] == "4\n");
    CHECK(items[1].mark == Mark{1, 0, 8 + record.size(), 3 + newlines});
    CHECK(items[2]["a"] == "6");
  }
  CHECK(read_all(csv(dir, "a,b\n1,2\n" + big + big), {1, {}}).size() == 1);
}

TEST_CASE("a quote that is never closed is told where it opens, however long what follows is")
{
  const FreshDirectory dir;
  const std::string big(input::longest_record, 'x');
  const std::string texts[] = {"a,b\nx,\"" + big + "\n" + big, "a,b\n" + big + "x,1,\"" + big,
                               "a,b\n" + big + "\n\n1,2\n" + big + "x,\"\n\",\"y\n"};
  const std::pair<std::uint64_t, std::uint64_t> places[] = {{2, 6}, {2, 4 + big.size() + 4}, {6, texts[2].rfind('"')}};
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    CAPTURE(i);
    const auto e = error_of(csv(dir, texts[i]), {9, {}});
    CHECK(says(e, "never closed"));
    CHECK(e.place()->line == places[i].first);
    CHECK(e.place()->byte == places[i].second);
    CHECK_FALSE(e.hint().empty());
  }
}

TEST_CASE("records are the same wherever a block of the file ends")
{
  // Every sort of two-byte decision is moved over the boundary at 1 MiB.
  const FreshDirectory dir;
  constexpr std::size_t block = 1 << 20;
  const std::string tail = "\",\"q\"\"r\"\r\n\r\n\"s\",t\r\n";
  for (std::size_t shift = 0; shift <= tail.size() + 1; ++shift) {
    CAPTURE(shift);
    const std::string start = "a,b\n\"";
    const std::string big(block - start.size() - shift, 'x');
    const auto items = read_all(csv(dir, start + big + tail));
    REQUIRE(items.size() == 2);
    CHECK(items[0]["a"] == big);
    CHECK(items[0]["b"] == "q\"r");
    CHECK(items[1]["a"] == "s");
    CHECK(items[1]["b"] == "t");
    CHECK(items[1].mark.line == 4);
    CHECK(says(error_of(csv(dir, start + big + "\"\rx,y\n")), "text behind a closing quote"));
  }
}

TEST_CASE("what libcsv reads, this scanner reads the same")
{
  // Carriage returns only before line feeds: elsewhere libcsv takes them for line ends.
  const FreshDirectory dir;
  std::mt19937 random{20261122};
  const auto pick = [&](std::initializer_list<const char*> from) { return from.begin()[random() % from.size()]; };
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const auto rows = 1 + random() % 6;
    for (unsigned row = 0; row < rows; ++row) {
      const auto fields = 1 + random() % 4;
      for (unsigned f = 0; f < fields; ++f) {
        if (f > 0) text += ',';
        const bool quoted = random() % 2 == 0;
        if (quoted) text += '"';
        for (auto n = random() % 5; n > 0; --n)
          text += quoted ? pick({"a", " ", ",", "\n", "\r\n", "\"\"", "é"}) : pick({"a", " ", "b c", "é", "'", "\t"});
        if (quoted) text += '"';
      }
      text += pick({"\n", "\r\n", "\n\n", "\n\r\n"});
    }
    CAPTURE(text);
    const auto path = dir.file("in.csv", text);
    CHECK(scanned(path) == libcsv(text));
  }
}

TEST_CASE("quotes are made single by blocks as they are one by one, wherever they stand in a field")
{
  // Runs of every length at every place of a block, and a record behind them whose line is told.
  const FreshDirectory dir;
  std::string text;
  Table expected;
  for (std::size_t before = 0; before < 64; ++before) {
    for (std::size_t quotes = 0; quotes <= 200; quotes += quotes < 6 ? 1 : 1 + (before + quotes) % 23) {
      auto& row = expected.emplace_back(std::vector{std::string(before, 'x') + std::string(quotes, '"') +
                                                        std::string((before * 7 + quotes) % 150, '\n'),
                                                    std::string(quotes, '"') + std::string(before, ',')});
      text += in_quotes(row[0]) + ',' + in_quotes(row[1]) + '\n';
    }
  }
  const auto path = dir.file("in.csv", text);
  CHECK(scanned(path) == expected);
  CHECK(libcsv(text) == expected);

  input::CsvScanner scanner{path.native()};
  std::uint64_t line = 1;
  for (const auto& row : expected) {
    REQUIRE(scanner.next());
    REQUIRE(scanner.start().line == line);
    line += 1 + static_cast<std::uint64_t>(std::count(row[0].begin(), row[0].end(), '\n'));
  }
}

TEST_CASE("long fields of quotes, separators and line ends are read as libcsv reads them, and at their lines")
{
  const FreshDirectory dir;
  std::mt19937 random{20261128};
  for (int round = 0; round < 60; ++round) {
    std::string text;
    Table expected;
    std::vector<std::uint64_t> lines;
    for (auto rows = 1 + random() % 20; rows > 0; --rows) {
      lines.push_back(1 + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
      auto& row = expected.emplace_back();
      for (auto fields = 1 + random() % 4; fields > 0; --fields) {
        row.push_back(long_field(random));
        text += in_quotes(row.back()) + (fields > 1 ? "," : random() % 2 == 0 ? "\n" : "\r\n");
      }
    }
    CAPTURE(text);
    const auto path = dir.file("in.csv", text);
    REQUIRE(scanned(path) == expected);
    REQUIRE(libcsv(text) == expected);
    input::CsvScanner scanner{path.native()};
    for (const auto line : lines) {
      REQUIRE(scanner.next());
      REQUIRE(scanner.start().line == line);
    }
  }
}

TEST_CASE("doubled quotes are read the same wherever the file was read on within them")
{
  const FreshDirectory dir;
  constexpr std::size_t block = 1 << 20; // by which it is read
  const auto check = [&](std::size_t quotes, std::size_t before_border) {
    CAPTURE(quotes);
    CAPTURE(before_border);
    const std::string start = "a quote \" and ";
    const std::string big(block - in_quotes(start).size() + 1 - before_border, 'x');
    const auto* const end = (quotes + before_border) % 2 == 0 ? "" : "\n\n";
    const Table expected{{start + big + std::string(quotes, '"') + end, "b"}, {"c", "\""}};
    REQUIRE(scanned(dir.file("in.csv", in_quotes(expected[0][0]) + ",b\nc,\"\"\"\"\n")) == expected);
  };
  for (std::size_t quotes = 1; quotes <= 3; ++quotes)
    for (std::size_t before_border = 0; before_border <= 2 * quotes + 2; ++before_border)
      check(quotes, before_border);
  for (const std::size_t before_border : {1u, 62u, 63u, 64u, 65u, 127u, 128u, 129u})
    check(64, before_border);
}

TEST_CASE("a stream that begins at any mark gives the same items as one from the start")
{
  const FreshDirectory dir;
  std::string text = "id,text\n";
  for (int i = 0; i < 200; ++i) {
    text += std::to_string(i) + (i % 3 == 0 ? ",\"two\nlines\"\r\n" : ",one\n");
    if (i % 7 == 0) text += "\nragged\n";
  }
  const auto inputs = csv(dir, text);
  const auto all = read_all(inputs, {1000, {}});
  REQUIRE(all.size() == 200);
  for (std::size_t i = 0; i < all.size(); i += 13) {
    const auto rest = read_all(inputs, {1000, {}}, all[i].mark);
    REQUIRE(rest.size() == all.size() - i);
    CHECK(rest.front().mark == all[i].mark);
    CHECK(rest.front().fields == all[i].fields);
    CHECK(rest.back().mark == all.back().mark);
  }
}

TEST_SUITE_END();
