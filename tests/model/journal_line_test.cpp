#include <batchwright/model/journal_line.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace batchwright;

namespace {

using Kind = JournalLine::Kind;

constexpr JournalLine begun{.kind = Kind::begin};
constexpr JournalLine missed{.kind = Kind::missed};
constexpr JournalLine missed_billed{.kind = Kind::missed, .billed = true};
constexpr JournalLine answered{.kind = Kind::answer};

/// A trail of these lines; `lost` counts the begins that told of one before them.
struct Told {
  explicit Told(const std::vector<JournalLine>& lines)
  {
    for (const auto& line : lines)
      lost += trail.take(line) ? 1 : 0;
  }

  JournalTrail trail;
  int lost = 0;
};

std::string without_newline(std::string line)
{
  REQUIRE(line.ends_with('\n'));
  line.pop_back();
  return line;
}

} // namespace

TEST_SUITE_BEGIN("model::journal_line");

TEST_CASE("marks are the lines that are documented, and are read back")
{
  std::string text;
  append_begin(text, 17, 1);
  CHECK(text == "{\"begin\":17,\"attempt\":1}\n");
  CHECK(read_journal_line(without_newline(text)) == JournalLine{.kind = Kind::begin, .request = 17, .attempt = 1});
  CHECK(is_journal_mark(without_newline(text)));

  for (const bool billed : {false, true}) {
    text.clear();
    const JournalLine line{.kind = Kind::missed, .request = 0, .attempt = 12, .billed = billed};
    append_missed(text, line, "HTTP 503");
    CHECK(text == (billed ? "{\"missed\":0,\"attempt\":12,\"billed\":true,\"why\":\"HTTP 503\"}\n"
                          : "{\"missed\":0,\"attempt\":12,\"billed\":false,\"why\":\"HTTP 503\"}\n"));
    CHECK(read_journal_line(without_newline(text)) == line);
    CHECK(is_journal_mark(without_newline(text)));
  }
}

TEST_CASE("whatever the reason of a miss holds, it makes one line, and one that is read back")
{
  std::string text;
  append_missed(text, {.kind = Kind::missed}, std::string("a\"b\\c\nd\0e\xff", 10) + std::string(5000, 'x'));
  CHECK(text.size() < 400);
  CHECK(text.find('\n') == text.size() - 1);
  CHECK(text.find(R"("why":"a\"b\\c?d?e?xxx)") != std::string::npos);
  CHECK(read_journal_line(without_newline(text)).has_value());
}

TEST_CASE("an answer is told by its id, whatever stands behind that")
{
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  std::string text;
  append_answer_id(text, largest, 3);
  CHECK(text == "{\"id\":\"realtime-18446744073709551615-3\"");
  const JournalLine expected{.kind = Kind::answer, .request = largest, .attempt = 3};
  CHECK(read_journal_line(text) == expected);
  CHECK(read_journal_line(text + R"(,"custom_id":"a","response":{"begin":1})") == expected);
  CHECK_FALSE(is_journal_mark(text + "}"));
  CHECK(attempt_in_id("realtime-17-3") == 3);
}

TEST_CASE("what is none of ours is nothing")
{
  for (const auto* line : {"",
                           "{",
                           "{}",
                           "17",
                           R"({"begin":17,"attempt":1)",
                           R"({"begin":17,"attempt":1} )",
                           R"({"begin":17})",
                           R"({"begin":17,"attempt":0})",
                           R"({"begin":-1,"attempt":1})",
                           R"({"begin":017,"attempt":1})",
                           R"({"begin":1,"attempt":-1})",
                           R"({"begin":1,"attempt":4294967297})",
                           R"({"begin":18446744073709551616,"attempt":1})",
                           R"({"begin":,"attempt":1})",
                           R"( {"begin":17,"attempt":1})",
                           R"({"begin":17,"attempt":1,"more":2})",
                           R"({"missed":1,"attempt":1,"billed":null,"why":""})",
                           R"({"missed":1,"attempt":1,"billed":true,"why":"cut)",
                           R"({"missed":1,"attempt":1,"billed":true})",
                           R"({"id":"batch_req_1","custom_id":"a"})",
                           R"({"id":"realtime-1")",
                           R"({"id":"realtime-1-2)",
                           R"({"id":"realtime-1-2x"})",
                           R"({"id":"realtime-01-2"})",
                           R"({"id":"realtime--1-2"})",
                           R"({"id":"realtime-1-0"})"}) {
    INFO(line);
    CHECK_FALSE(read_journal_line(line).has_value());
    CHECK_FALSE(is_journal_mark(line));
  }
  for (const auto* id : {"", "realtime-", "realtime-1", "realtime-1-", "realtime-1-2-3", "realtime-1-2\"", "resp_1",
                         "realtime-1-0", "realtime-x-1"}) {
    INFO(id);
    CHECK_FALSE(attempt_in_id(id).has_value());
  }
}

TEST_CASE("a line that a loss of power took a block of is none of ours")
{
  CHECK_FALSE(read_journal_line(std::string(R"({"id":"realtime-1-2","custom_id":")") + std::string(9, '\0') + "\"}"));
  CHECK_FALSE(read_journal_line(std::string(R"({"missed":1,"attempt":1,"billed":true,"why":")") + '\0' + "\"}"));
}

TEST_CASE("a begin that comes after one which brought nothing tells whether that may have been billed")
{
  CHECK(Told{{begun, answered}}.lost == 0);
  CHECK(Told{{begun, missed, begun, answered}}.lost == 0);
  CHECK(Told{{begun, missed_billed, begun, answered}}.lost == 1);
  CHECK(Told{{begun, begun, answered}}.lost == 1);
  CHECK(Told{{begun, begun, begun, missed_billed, begun}}.lost == 3);
  CHECK(Told{{begun, missed_billed, answered}}.lost == 0); // nothing was sent again
  CHECK(Told{{begun}}.lost == 0);
  CHECK(Told{{begun, missed_billed}}.lost == 0);
  CHECK(Told{{begun, answered, begun, answered}}.lost == 0); // what was paid for came
}

TEST_CASE("a trail tells whether the last begin is open, and whether any may be billed in vain")
{
  CHECK_FALSE(Told{{}}.trail.is_open());
  CHECK_FALSE(Told{{}}.trail.may_be_billed());
  CHECK(Told{{begun}}.trail.is_open());
  CHECK(Told{{begun}}.trail.may_be_billed());
  CHECK_FALSE(Told{{begun, missed}}.trail.is_open());
  CHECK_FALSE(Told{{begun, missed}}.trail.may_be_billed());
  CHECK_FALSE(Told{{begun, missed_billed}}.trail.is_open());
  CHECK(Told{{begun, missed_billed}}.trail.may_be_billed());
  CHECK(Told{{begun, begun, missed}}.trail.may_be_billed());
  CHECK(Told{{begun, missed_billed, begun, missed}}.trail.may_be_billed());
  CHECK_FALSE(Told{{begun, answered}}.trail.is_open());
  CHECK_FALSE(Told{{begun, answered}}.trail.may_be_billed());
  CHECK_FALSE(Told{{missed_billed}}.trail.may_be_billed()); // nothing was sent
}

TEST_CASE("a trail keeps the highest attempt, up to a bound")
{
  Told told{{{.kind = Kind::begin, .attempt = 2}, {.kind = Kind::begin, .attempt = 1}}};
  CHECK(told.trail.attempt() == 2);
  CHECK_FALSE(told.trail.answered());
  told.trail.take({.kind = Kind::answer, .attempt = 3});
  CHECK(told.trail.attempt() == 3);
  CHECK(told.trail.answered());
  told.trail.take({.kind = Kind::begin, .attempt = 1'000'000});
  CHECK(told.trail.attempt() == 65535);
  static_assert(sizeof(JournalTrail) == 4);
}

TEST_CASE("a miss that uses up an attempt says which comes next, and that is known after a loss of all else")
{
  std::string text;
  append_missed(text, {.kind = JournalLine::Kind::missed, .request = 17, .attempt = 1, .billed = true, .next = 2},
                "cut");
  CHECK(text == "{\"missed\":17,\"attempt\":1,\"billed\":true,\"next\":2,\"why\":\"cut\"}\n");
  std::string late;
  const JournalLine timed_out{
      .kind = JournalLine::Kind::missed, .request = 3, .attempt = 1, .billed = true, .next = 2, .timed_out = true};
  append_missed(late, timed_out, "slow");
  CHECK(late == "{\"missed\":3,\"attempt\":1,\"billed\":true,\"next\":2,\"timed_out\":true,\"why\":\"slow\"}\n");
  late.pop_back();
  CHECK(read_journal_line(late) == timed_out);
  CHECK_FALSE(read_journal_line(R"({"missed":3,"attempt":1,"billed":true,"timed_out":false,"why":""})"));
  text.pop_back();
  const auto line = read_journal_line(text);
  REQUIRE(line);
  CHECK(line->next == 2);
  CHECK_FALSE(read_journal_line(R"({"missed":17,"attempt":2,"billed":true,"next":2,"why":"cut"})"));

  JournalTrail trail;
  trail.take({.kind = JournalLine::Kind::begin, .request = 17, .attempt = 1});
  trail.take(*line);
  CHECK(trail.attempt() == 2);
  CHECK(trail.may_be_billed());
}

TEST_SUITE_END();
