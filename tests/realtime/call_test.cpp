#include "tests/realtime/scripted_caller.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/realtime/call.hpp>
#include <batchwright/realtime/running.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::realtime;
using namespace tests;

namespace {

const Call call{.request = 17, .custom_id = R"("bw-\"17")", .url = "/v1/x", .body = R"({"a":1})", .attempt = 2};

/// The line is one, is an answer of the journal, and its JSON can be read.
void check_line(const std::string& line, json::Document& document)
{
  REQUIRE(line.ends_with('\n'));
  REQUIRE(line.find('\n') == line.size() - 1);
  const auto ours = read_journal_line(std::string_view{line}.substr(0, line.size() - 1));
  REQUIRE(ours);
  CHECK(ours->kind == JournalLine::Kind::answer);
  CHECK(ours->request == 17);
  CHECK(ours->attempt == 2);
  REQUIRE(document.parse(line));
  CHECK(document.root().find("custom_id")->text() == R"(bw-"17)");
}

} // namespace

TEST_SUITE_BEGIN("realtime::call");

TEST_CASE("a request file gives its requests as they stand, and counts those that are left out")
{
  const FreshDirectory dir;
  const auto path = dir.file("r", R"({"custom_id":"a\u0062","method":"POST","url":"/v1/x","body":{"k": 1.50}})"
                                  "\n"
                                  R"({"custom_id":"b","method":"POST","url":"/v1/x","body":{}})"
                                  "\n"
                                  R"({"custom_id":"c","method":"POST","url":"/v1/y","body":{"service_tier":"auto"}})"
                                  "\n");
  RequestFile file{path, [](std::string_view line) { return static_cast<std::int64_t>(line.size()); }, {}};
  const auto first = file.next();
  REQUIRE(first);
  CHECK(first->request == 0);
  CHECK(first->custom_id == R"("a\u0062")");
  CHECK(first->url == "/v1/x");
  CHECK(first->body == R"({"k": 1.50})");
  CHECK_FALSE(first->names_tier);
  CHECK(first->tokens == 72);
  CHECK(file.position() == 1);
  file.skip();
  const auto third = file.next();
  REQUIRE(third);
  CHECK(third->request == 2);
  CHECK(third->url == "/v1/y");
  CHECK(third->names_tier);
  CHECK_FALSE(file.next());
}

TEST_CASE("a line that is no request is a fault of ours")
{
  const FreshDirectory dir;
  for (const auto* line : {"no json", R"({"custom_id":"a","url":"/v1/x"})", R"({"custom_id":"a","url":1,"body":{}})",
                           R"({"custom_id":"a","url":"/v1/x","body":[]})", R"({"url":"/v1/x","body":{}})"}) {
    CAPTURE(line);
    RequestFile file{dir.file("r", std::string{line} + "\n"), {}, {}};
    CHECK_THROWS_AS(file.next(), Error);
  }
}

TEST_CASE("a service tier is written in front of a body that names none, and changes nothing else")
{
  CHECK(body_to_send({.body = R"({"a": 1.50})"}, "flex") == R"({"service_tier":"flex","a": 1.50})");
  CHECK(body_to_send({.body = "{}"}, "flex") == R"({"service_tier":"flex"})");
  CHECK(body_to_send({.body = "{ \t}"}, "flex") == "{\"service_tier\":\"flex\" \t}");
  CHECK(body_to_send({.body = R"({"a":1})"}, "") == R"({"a":1})");
  const std::string named = R"({"service_tier":"auto"})";
  CHECK(body_to_send({.body = named, .names_tier = true}, "flex") == named);
  CHECK(body_to_send({.body = R"({"a":1})", .standard = true}, "flex") == R"({"a":1})");
}

TEST_CASE("an answer stands in the journal as in a batch's output file")
{
  json::Document document;
  const auto good_line = line_of(call, answer_ok(), {});
  check_line(good_line, document);
  CHECK(document.root().find("response", "status_code")->integer() == 200);
  CHECK(document.root().find("response", "request_id")->text() == "req_1");
  CHECK(document.root().find("response", "body")->raw() == answer_ok().body);
  CHECK(document.root().find("error")->is(json::Kind::null));

  const auto refused_line = line_of(call, answer_error(500, "oops"), {});
  check_line(refused_line, document);
  CHECK(document.root().find("response", "status_code")->integer() == 500);
  CHECK(document.root().find("response", "body")->find("error", "message")->text() == "oops");

  auto page = answer_page(502);
  page.trouble = "HTTP 502: a \"page\"\nof two lines";
  const auto page_line = line_of(call, page, {});
  check_line(page_line, document);
  CHECK(document.root().find("response", "status_code")->integer() == 502);
  CHECK(document.root().find("response", "body")->find("error", "message")->text() == page.trouble);
}

TEST_CASE("what has no answer says why, in a code of ours")
{
  struct Case {
    Answered answered;
    Decision decision;
    std::string code, message;
  };
  const auto said = answer_error(429, "Limit 1, Requested 2", "too_much");
  const Case cases[] = {
      {no_answer(Ending::unknown), {.timed_out = true}, "request_timeout", "reset"},
      {no_answer(Ending::unknown), {}, "connection_lost", "reset"},
      {answer_page(200), {}, "unreadable_answer", "HTTP 200: a page that is no JSON"},
      {said, {.too_large = true}, "too_much", "Limit 1, Requested 2"},
      {answer_page(429), {.too_large = true}, "rate_limit_exceeded", "HTTP 429: a page that is no JSON"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.code);
    json::Document document;
    const auto last_line = line_of(call, c.answered, c.decision);
    check_line(last_line, document);
    CHECK(document.root().find("response")->is(json::Kind::null));
    CHECK(document.root().find("error", "code")->text() == c.code);
    CHECK(document.root().find("error", "message")->text() == c.message);
  }
}

TEST_CASE("tokens used are what the answer says, and nothing where it does not")
{
  REQUIRE(tokens_used(answer_ok()));
  CHECK(tokens_used(answer_ok())->total == 7);
  CHECK_FALSE(tokens_used(answer_page(200)));
  auto odd = answer_ok();
  for (const auto* body : {R"({"usage":null})", R"({"usage":{"total_tokens":"7"}})", "[]", "7"}) {
    odd.body = body;
    CHECK_FALSE(tokens_used(odd));
  }
}

TEST_SUITE_END();
