#include "tests/requests/requests_fixture.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/requests/requests.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using tests::FreshDirectory;
using tests::thrown_by;

namespace {

bool says(const Error& e, std::string_view words)
{
  return std::string_view{e.what()}.find(words) != std::string_view::npos;
}

Job body_job(const FreshDirectory& dir, std::string record, std::string body)
{
  auto j = tests::job({tests::input_file(dir, "in.jsonl", record + "\n", InputFormat::jsonl)}, "");
  j.request.body = std::move(body);
  return j;
}

/// The body of the first line.
std::string first_body(const Job& j)
{
  const auto line = tests::lines_of(j).at(0);
  const auto begin = line.find("\"body\":") + 7;
  return line.substr(begin, line.size() - begin - 2);
}

std::string body_for(const FreshDirectory& dir, std::string record, std::string body)
{
  return first_body(body_job(dir, std::move(record), std::move(body)));
}

} // namespace

TEST_SUITE_BEGIN("requests::body");

TEST_CASE("a string that is nothing but a column takes its typed value, others are filled")
{
  const FreshDirectory dir;
  const std::string record = R"({"n":1.50e3,"t":true,"z":null,"s":"a\ud83d\"\n","o":{"k": [1]},"a":[]})";
  CHECK(body_for(dir, record,
                 R"({"model":"m","a":"{{n}}","b":["{{t}}","{{ z }}"],"c":{"d":"{{s}}","e":"{{o}}","f":"{{a}}"}})") ==
        R"({"model":"m","a":1.50e3,"b":[true,null],"c":{"d":"a\ud83d\"\n","e":{"k": [1]},"f":[]}})");
  CHECK(body_for(dir, record, R"({"model":"m","a":"{{n}} {{t}}{{z}}","b":"<{{s}}>","c":"{{o}}!"})") ==
        R"({"model":"m","a":"1.50e3 true","b":"<a\ud83d\"\n>","c":"{\"k\": [1]}!"})");
  CHECK(body_for(dir, record, R"({"model":"m","x":"{{{{n}}","{{n}}":1,"y":[ 1, 1e400 ]})") ==
        R"({"model":"m","x":"{{n}}","{{n}}":1,"y":[1,1e400]})");
  CHECK(body_for(dir, record, R"({"model":"m","x":"{{s|head 1}}","y":"{{n|head 2}}"})") ==
        R"({"model":"m","x":"a","y":"1."})");
}

TEST_CASE("texts of CSV are strings, and a template over many lines is one line")
{
  const FreshDirectory dir;
  auto j = tests::job({tests::input_file(dir, "in.csv", "n,t\n12,\"a\nb\"\n", InputFormat::csv)}, "");
  j.request.body = "{\n  \"model\": \"m\",\n  \"n\": \"{{n}}\",\n  \"t\": \"{{t}}\"\n}\n";
  CHECK(first_body(j) == R"({"model":"m","n":"12","t":"a\nb"})");
}

TEST_CASE("options go into the body, before what the template says")
{
  const FreshDirectory dir;
  auto j = body_job(dir, R"({"t":"x"})", R"({"temperature":1,"messages":[{"role":"user","content":"{{t}}"}]})");
  j.request.set = {{"temperature", "0.2"}, {"seed", "7"}};
  j.request.max_output_tokens = 5;
  j.request.schema = R"({"type":"object"})";
  CHECK(first_body(j) == R"({"temperature":0.2,"messages":[{"role":"user","content":"x"}],"model":"m",)"
                         R"("max_completion_tokens":5,"response_format":{"type":"json_schema","json_schema":)"
                         R"({"name":"answer","strict":true,"schema":{"type":"object"}}},"seed":7})");
}

TEST_CASE("the model may stand in the template alone")
{
  RequestSpec s;
  s.body = R"({"model":"dall-e"})";
  s.endpoint = "/v1/images/generations";
  requests::complete(s);
  CHECK(s.model == "dall-e");
  s.model = "other";
  const auto e = thrown_by([&] { requests::LineMaker{s}; });
  CHECK(e.fault() == Fault::usage);
  CHECK(says(e, "the model is `dall-e`, and --model says `other`"));
}

TEST_CASE("a template that cannot be a body is refused with its place")
{
  struct Case {
    const char* body;
    const char* says;
  };
  const Case cases[] = {
      {"{\n  \"a\": }", "reading --body, line 2 (byte 9): not JSON"},
      {"[]", "expected a JSON object"},
      {R"({"stream":true})", "a batch cannot stream"},
      {R"({"model":"{{m}}"})", "no fixed name"},
      {R"({"model":7})", "no fixed name"},
      {R"({"x":"{{a"})", "reading --body (x), line 1"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.says);
    auto s = tests::spec("");
    s.body = c.body;
    const auto e = thrown_by([&] { requests::LineMaker{s}; });
    CHECK(e.fault() == Fault::usage);
    CHECK(says(e, c.says));
  }
}

TEST_CASE("what is filled in is counted, with the template's own texts")
{
  const FreshDirectory dir;
  auto j = body_job(dir, R"({"t":"one two three"})", R"({"model":"m","input":"{{t}}"})");
  const auto small = requests::plan(j).input_tokens.n;
  j.request.body = R"({"model":"m","input":"{{t}} {{t}}","tools":["a tool with some words of its own"]})";
  CHECK(requests::plan(j).input_tokens.n > small + 8);
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("requests::columns");

namespace {

std::string prompt_of(const FreshDirectory& dir, std::string record, std::string prompt)
{
  auto j = tests::job({tests::input_file(dir, "in.jsonl", record + "\n", InputFormat::jsonl)}, std::move(prompt));
  j.request.endpoint = "/v1/completions";
  const auto line = tests::lines_of(j).at(0);
  const auto begin = line.find("\"prompt\":") + 10;
  return line.substr(begin, line.rfind("\"}}") - begin);
}

} // namespace

TEST_CASE("a path leads into the JSON of a column, by keys and places")
{
  const FreshDirectory dir;
  const std::string record = R"({"a":{"b":{"c":"x"},"d":[{"e":1},[2,"y"]]},"a.b":{"c":"whole"},"t":"text"})";
  CHECK(prompt_of(dir, record, "{{a.d.0.e}} {{ a.d.1.1 }}") == "1 y");
  CHECK(prompt_of(dir, record, "{{a.b.c}}") == "whole"); // the longest column that there is
  CHECK(prompt_of(dir, record, "{{a.d.1|head 2}}") == "[2");
  for (const auto* path :
       {"{{a.x}}", "{{a.d.2}}", "{{a.d.-1}}", "{{a.d.0x}}", "{{t.x}}", "{{a.}}", "{{.a}}", "{{a..b}}"}) {
    CAPTURE(path);
    const auto e = thrown_by([&] { prompt_of(dir, record, path); });
    CHECK(e.fault() == Fault::input);
    CHECK(says(e, "--prompt needs the column"));
  }
}

TEST_CASE("filters take a part of a text, by characters, byte for byte")
{
  const FreshDirectory dir;
  const std::string record = R"({"t":" \n\u00e9漢\ud83d\ude00\\n\"x \t","e":"","n":12345,"lone":"\ud83dab"})";
  CHECK(prompt_of(dir, record, "{{t|head 3}}") == R"( \n\u00e9)");
  CHECK(prompt_of(dir, record, "{{t|head 5}}") == R"( \n\u00e9漢\ud83d\ude00)");
  CHECK(prompt_of(dir, record, "{{ t | trim | head 1 }}") == R"(\u00e9)");
  CHECK(prompt_of(dir, record, "{{t|trim}}") == R"(\u00e9漢\ud83d\ude00\\n\"x)");
  CHECK(prompt_of(dir, record, "{{t|tail 3}}") == R"(x \t)");
  CHECK(prompt_of(dir, record, "{{t|tail 6}}") == R"(\\n\"x \t)");
  CHECK(prompt_of(dir, record, "{{t|head 0}}{{e|trim}}{{e|tail 5}}") == "");
  CHECK(prompt_of(dir, record, "{{t|head 2000}}") == R"( \n\u00e9漢\ud83d\ude00\\n\"x \t)");
  CHECK(prompt_of(dir, record, "{{n|tail 2}}") == "45");
  CHECK(prompt_of(dir, record, "{{lone|head 2}}") == R"(\ud83da)");
}

TEST_CASE("a filter that is none is a usage error, unless the bar is in a column's name")
{
  const FreshDirectory dir;
  for (const auto* prompt :
       {"{{t|haed 3}}", "{{t|head}}", "{{t|head x}}", "{{t|head -1}}", "{{t|}}", "{{t|trim|x}}", "{{t|head 1 2}}"}) {
    CAPTURE(prompt);
    const auto e = thrown_by([&] { prompt_of(dir, R"({"t":"x"})", prompt); });
    CHECK(e.fault() == Fault::usage);
    CHECK(e.hint().find("head N") != std::string::npos);
  }
  CHECK(prompt_of(dir, R"({"a|b":"x","a":"long"})", "{{a|b}}{{a|head 1}}") == "xl");
}

TEST_CASE("messages are a list of the record's own, as JSON or as a text that holds it")
{
  const FreshDirectory dir;
  const auto messages_of = [&](const Job& asked) {
    auto j = asked;
    j.request.messages = "m";
    return first_body(j);
  };
  const auto jsonl = [&](const std::string& value) {
    return tests::job({tests::input_file(dir, "in.jsonl", "{\"m\":" + value + "}\n", InputFormat::jsonl)}, "");
  };
  CHECK(messages_of(jsonl(R"([{"role":"user","content":"a\ud83d"}])")) ==
        R"({"model":"m","messages":[{"role":"user","content":"a\ud83d"}]})");
  CHECK(messages_of(jsonl(R"("[{\"role\":\"user\",\"content\":\"x\\n\"}]")")) ==
        R"({"model":"m","messages":[{"role":"user","content":"x\n"}]})");
  CHECK(messages_of(tests::job(
            {tests::input_file(dir, "in.csv", "m\n\"[{\"\"role\"\":\n\"\"user\"\"}]\"\n", InputFormat::csv)}, "")) ==
        R"({"model":"m","messages":[{"role": "user"}]})");
  for (const auto* bad : {"7", "[]", "{}", "null", "\"\"", "\"no\"", "[1]", "[{}]", R"("\ud83d")"}) {
    CAPTURE(bad);
    const auto e = thrown_by([&] { messages_of(jsonl(bad)); });
    CHECK(e.fault() == Fault::input);
    CHECK(says(e, "the messages in column `m`"));
    CHECK(e.place()->line == 1);
  }
}

TEST_SUITE_END();
