#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/wire/request.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

namespace {

RequestSpec spec()
{
  RequestSpec s;
  s.model = "gpt-5.4-mini";
  return s;
}

std::string filled(const RequestSpec& s)
{
  const auto f = wire::chat_frame(s);
  return f.before_id + "ID" + f.before_system + (s.system.empty() ? "" : "SYSTEM") + f.before_prompt + "PROMPT" + f.end;
}

} // namespace

TEST_SUITE_BEGIN("wire::request");

TEST_CASE("the frame is one chat request with holes, its keys in a fixed order")
{
  auto s = spec();
  CHECK(filled(s) == R"({"custom_id":"ID","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5.4-mini",)"
                     R"("messages":[{"role":"user","content":"PROMPT"}]}})");
  CHECK(wire::chat_frame(s).before_system.empty());

  s.system = "whatever";
  s.max_output_tokens = 20;
  s.set = {{"temperature", "0.10"}, {"response_format", R"({"type": "json_object"})"}, {"a\"b", "1e400"}};
  CHECK(filled(s) ==
        R"({"custom_id":"ID","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5.4-mini",)"
        R"("messages":[{"role":"system","content":"SYSTEM"},{"role":"user","content":"PROMPT"}],)"
        R"("max_completion_tokens":20,"temperature":0.10,"response_format":{"type": "json_object"},"a\"b":1e400}})");
}

TEST_CASE("names from outside are escaped")
{
  auto s = spec();
  s.model = "a\"b\\c\x01漢";
  json::Document document;
  const auto line = filled(s);
  REQUIRE(document.parse(line));
  CHECK(document.root().find("body", "model")->text() == s.model);
}

TEST_CASE("the output bound may be set by hand where the option is not given")
{
  for (const auto* name : {"max_completion_tokens", "max_tokens"}) {
    auto s = spec();
    s.set = {{name, "7"}};
    CHECK(filled(s).find(std::string{"],\""} + name + "\":7}}") != std::string::npos);
  }
}

TEST_CASE("a field that may not be set is a usage error that names the option to use")
{
  struct Case {
    std::vector<std::pair<std::string, std::string>> set;
    const char* hint;
  };
  const Case cases[] = {
      {{{"model", "\"x\""}}, "--model"},
      {{{"messages", "[]"}}, "--prompt"},
      {{{"stream", "true"}}, "leave it out"},
      {{{"stream", "false"}}, "leave it out"},
      {{{"max_completion_tokens", "5"}}, "--max-output-tokens"},
      {{{"max_tokens", "5"}}, "--max-output-tokens"},
      {{{"n", "1"}, {"n", "2"}}, "once"},
      {{{"", "1"}}, "name=json"},
      {{{"\xff", "1"}}, "name=json"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.set.front().first);
    auto s = spec();
    s.max_output_tokens = 20;
    s.set = c.set;
    try {
      wire::chat_frame(s);
      FAIL("not refused");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::usage);
      CHECK(std::string_view{e.what()}.find(c.set.front().first) != std::string_view::npos);
      CHECK(e.hint().find(c.hint) != std::string::npos);
    }
  }
}

TEST_CASE("an answer is bounded by the job's own bound or by the field that is set")
{
  RequestSpec s;
  CHECK_FALSE(wire::output_bound(s));
  s.max_output_tokens = 20;
  CHECK(wire::output_bound(s) == Tokens{20});
  s.max_output_tokens.reset();
  s.set = {{"temperature", "1"}, {"max_tokens", " 500 "}};
  CHECK(wire::output_bound(s) == Tokens{500});
  s.set.emplace_back("max_completion_tokens", "100000");
  CHECK(wire::output_bound(s) == Tokens{100'000});
  for (const auto* none : {"null", "0", "-5", "1.5", "\"9\"", "99999999999999999999"}) {
    s.set = {{"max_completion_tokens", none}};
    CHECK_FALSE(wire::output_bound(s));
  }
  s.set = {{"max_completion_tokens", "10"}, {"n", "4"}};
  CHECK(wire::output_bound(s) == Tokens{10});
}

TEST_CASE("several choices are several answers")
{
  RequestSpec s;
  CHECK(wire::choices_asked(s) == 1);
  s.set = {{"n", "4"}};
  CHECK(wire::choices_asked(s) == 4);
  s.set = {{"n", "null"}};
  CHECK(wire::choices_asked(s) == 1);
}

TEST_SUITE_END();
