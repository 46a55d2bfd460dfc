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
  s.prompt = "{{text}}";
  return s;
}

std::string filled(const RequestSpec& s)
{
  const char* const words[] = {"", "ID", "SYSTEM", "PROMPT", "[MESSAGES]", "INPUTS", "{BODY}"};
  std::string line;
  for (const auto& [text, slot] : wire::request_frame(s))
    line += text + words[static_cast<int>(slot)];
  return line;
}

/// The body of the frame, with words for what goes in.
std::string body_of(const RequestSpec& s)
{
  const auto line = filled(s);
  const auto begin = line.find("\"body\":") + 7;
  return line.substr(begin, line.size() - begin - 1);
}

} // namespace

TEST_SUITE_BEGIN("wire::request");

TEST_CASE("the frame is one chat request with holes, its keys in a fixed order")
{
  auto s = spec();
  CHECK(filled(s) == R"({"custom_id":"ID","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5.4-mini",)"
                     R"("messages":[{"role":"user","content":"PROMPT"}]}})");

  s.system = "whatever";
  s.max_output_tokens = 20;
  s.set = {{"temperature", "0.10"}, {"response_format", R"({"type": "json_object"})"}, {"a\"b", "1e400"}};
  CHECK(filled(s) ==
        R"({"custom_id":"ID","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5.4-mini",)"
        R"("messages":[{"role":"system","content":"SYSTEM"},{"role":"user","content":"PROMPT"}],)"
        R"("max_completion_tokens":20,"temperature":0.10,"response_format":{"type": "json_object"},"a\"b":1e400}})");
}

TEST_CASE("each endpoint has its own body")
{
  auto s = spec();
  s.model = "m";
  s.system = "x";
  s.max_output_tokens = 9;
  s.endpoint = "/v1/responses";
  CHECK(body_of(s) == R"({"model":"m","instructions":"SYSTEM","input":"PROMPT","max_output_tokens":9})");
  s.prompt.clear();
  s.messages = "turns";
  CHECK(body_of(s) == R"({"model":"m","instructions":"SYSTEM","input":[MESSAGES],"max_output_tokens":9})");
  s.system.clear();
  s.endpoint = "/v1/chat/completions";
  CHECK(body_of(s) == R"({"model":"m","messages":[MESSAGES],"max_completion_tokens":9})");

  s = spec();
  s.model = "m";
  s.max_output_tokens = 9;
  s.endpoint = "/v1/completions";
  CHECK(body_of(s) == R"({"model":"m","prompt":"PROMPT","max_tokens":9})");
  s.max_output_tokens.reset();
  s.endpoint = "/v1/moderations";
  CHECK(body_of(s) == R"({"model":"m","input":[INPUTS]})");
  s.endpoint = "/v1/embeddings";
  s.set = {{"dimensions", "256"}};
  CHECK(body_of(s) == R"({"model":"m","input":[INPUTS],"encoding_format":"base64","dimensions":256})");
  s.set = {{"encoding_format", "\"float\""}};
  CHECK(body_of(s) == R"({"model":"m","input":[INPUTS],"encoding_format":"float"})");
  s.endpoint = "/v1/images/generations";
  s.prompt.clear();
  s.body = "{}";
  CHECK(filled(s) == R"({"custom_id":"ID","method":"POST","url":"/v1/images/generations","body":{BODY}})");
}

TEST_CASE("a schema is sent strict, where each endpoint has its place for it")
{
  auto s = spec();
  s.model = "m";
  s.schema = R"({"type":"object"})";
  CHECK(body_of(s) ==
        R"({"model":"m","messages":[{"role":"user","content":"PROMPT"}],"response_format":)"
        R"({"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}})");
  s.endpoint = "/v1/responses";
  s.set = {{"text", R"({"verbosity": "low"})"}, {"store", "false"}};
  CHECK(body_of(s) == R"({"model":"m","input":"PROMPT","text":{"format":{"type":"json_schema","name":"answer",)"
                      R"("strict":true,"schema":{"type":"object"}},"verbosity":"low"},"store":false})");
}

TEST_CASE("options that do not go together, or that an endpoint does not take, are usage errors")
{
  struct Case {
    const char* endpoint;
    const char* says;
    void (*change)(RequestSpec&);
  };
  const Case cases[] = {
      {"/v1/embeddings", "--system", [](RequestSpec& s) { s.system = "x"; }},
      {"/v1/embeddings", "--max-output-tokens", [](RequestSpec& s) { s.max_output_tokens = 1; }},
      {"/v1/embeddings", "--schema", [](RequestSpec& s) { s.schema = "{}"; }},
      {"/v1/moderations", "--messages", [](RequestSpec& s) { s.prompt.clear(), s.messages = "m"; }},
      {"/v1/completions", "--system", [](RequestSpec& s) { s.system = "x"; }},
      {"/v1/images/generations", "--endpoint /v1/images/generations", [](RequestSpec&) {}},
      {"/v1/images/generations", "--max-output-tokens",
       [](RequestSpec& s) { s.prompt.clear(), s.body = "{}", s.max_output_tokens = 1; }},
      {"/v1/chat/completions", "--body", [](RequestSpec& s) { s.body = "{}"; }},
      {"/v1/chat/completions", "--messages", [](RequestSpec& s) { s.messages = "m"; }},
      {"/v1/chat/completions", "no --system",
       [](RequestSpec& s) { s.prompt.clear(), s.messages = "m", s.system = "x"; }},
      {"/v1/chat/completions", "no prompt", [](RequestSpec& s) { s.prompt.clear(); }},
      {"/v1/chat/completions", "--set response_format",
       [](RequestSpec& s) {
         s.schema = "{}", s.set = {{"response_format", "{}"}};
       }},
      {"/v1/responses", "--set text",
       [](RequestSpec& s) {
         s.schema = "{}", s.set = {{"text", R"({"format":{}})"}};
       }},
      {"/v1/responses", "--set text",
       [](RequestSpec& s) {
         s.schema = "{}", s.set = {{"text", "1"}};
       }},
      {"/v1/responses", "--set input",
       [](RequestSpec& s) {
         s.set = {{"input", "1"}};
       }},
  };
  for (const auto& c : cases) {
    auto s = spec();
    s.endpoint = c.endpoint;
    c.change(s);
    CAPTURE(c.says);
    try {
      wire::request_frame(s);
      wire::body_options(s);
      FAIL("not refused");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::usage);
      CHECK(std::string_view{e.what()}.find(c.says) != std::string_view::npos);
      CHECK_FALSE(e.hint().empty());
    }
  }
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
      wire::request_frame(s);
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
  s.set = {{"n", "2"}, {"best_of", "5"}};
  CHECK(wire::choices_asked(s) == 5);
  s.set.clear();
  s.body = R"({"model":"m","n":"{{n}}"})";
  CHECK_FALSE(wire::choices_asked(s)); // each item says it
  json::Document document;
  REQUIRE(document.parse(R"({"max_tokens":10,"n":2,"best_of":3})"));
  CHECK(wire::choices_asked(document.root()) == 3);
  CHECK(wire::output_bound(document.root()) == Tokens{10});
  REQUIRE(document.parse(R"({"n":null})"));
  CHECK(wire::choices_asked(document.root()) == 1);
}

TEST_SUITE_END();
