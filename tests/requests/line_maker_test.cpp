#include "tests/requests/requests_fixture.hpp"

#include <doctest/doctest.h>

using namespace batchwright;
using tests::FreshDirectory;
using tests::says;
using tests::thrown_by;

namespace {

/// The prompt's text as it stands in the request for one JSON line.
std::string prompt_for(const FreshDirectory& dir, const std::string& record, const std::string& prompt)
{
  const auto j = tests::job({tests::input_file(dir, "in.jsonl", record, InputFormat::jsonl)}, prompt);
  const auto line = tests::lines_of(j).at(0);
  const std::string before = R"("role":"user","content":")";
  const auto begin = line.find(before) + before.size();
  return line.substr(begin, line.rfind("\"}]}}") - begin);
}

} // namespace

TEST_SUITE_BEGIN("requests::line_maker");

TEST_CASE("a request line holds the item's texts and nothing else that varies")
{
  const FreshDirectory dir;
  auto j =
      tests::job({tests::input_file(dir, "in.csv", "id,text\nx,\"He said \"\"hi\"\"\n\ttwice\"\n", InputFormat::csv)},
                 "Classify: {{ text }}\n");
  CHECK(tests::lines_of(j).at(0) ==
        R"({"custom_id":"bw-0000000000","method":"POST","url":"/v1/chat/completions","body":{"model":"m",)"
        R"("messages":[{"role":"user","content":"Classify: He said \"hi\"\n\ttwice\n"}]}})"
        "\n");
  j.request.id_column = "id";
  j.request.system = "Item {{id}}.";
  j.request.max_output_tokens = 5;
  j.request.set = {{"seed", " 7\n"}, {"stop", "[\n\"a\",\r\n\"b\\n\"\n]"}};
  CHECK(
      tests::lines_of(j).at(0) ==
      R"({"custom_id":"x","method":"POST","url":"/v1/chat/completions","body":{"model":"m",)"
      R"("messages":[{"role":"system","content":"Item x."},{"role":"user","content":"Classify: He said \"hi\"\n\ttwice\n"}],)"
      R"("max_completion_tokens":5,"seed":7,"stop":[ "a",  "b\n" ]}})"
      "\n");
}

TEST_CASE("the spans say where the texts stand in the line")
{
  const FreshDirectory dir;
  auto j = tests::job({tests::input_file(dir, "in.csv", "id,text\nx,é\n", InputFormat::csv)}, "P {{text}}");
  j.request.id_column = "id";
  for (const auto* system : {"", "S {{id}}"}) {
    j.request.system = system;
    const auto stream = input::open(j.inputs, {});
    std::string out = "what stands before";
    const auto before = out.size();
    requests::LineTexts texts;
    requests::LineMaker{j.request}.append(out, *stream->next(), texts);
    const auto line = out.substr(before);
    std::vector<std::string> filled;
    for (const auto& span : texts.filled)
      filled.push_back(line.substr(span.begin, span.size));
    CHECK(filled == (*system ? std::vector<std::string>{"S x", "P é"} : std::vector<std::string>{"P é"}));
  }
}

TEST_CASE("JSON texts keep their escapes, other values stand as JSON, null as nothing")
{
  const FreshDirectory dir;
  const std::string record = R"({"s":"a\ud83d\u0000\/\u00e9\n\"","n":-1.50e+3,"big":123456789012345678901,"t":true,)"
                             R"("z":null,"o":{"k": ["v\n"]},"a":[ ],"e":""})";
  CHECK(prompt_for(dir, record, "<{{s}}>") == R"(<a\ud83d\u0000\/\u00e9\n\">)");
  CHECK(prompt_for(dir, record, "{{n}} {{big}} {{t}}") == "-1.50e+3 123456789012345678901 true");
  CHECK(prompt_for(dir, record, "<{{z}}{{e}}>") == "<>");
  CHECK(prompt_for(dir, record, "{{o}}{{a}}") == R"({\"k\": [\"v\\n\"]}[ ])");
}

TEST_CASE("every byte of a CSV text comes out of the JSON again")
{
  const FreshDirectory dir;
  std::string all;
  for (int c = 0; c < 0x80; ++c)
    all += c == '"' ? std::string{"\"\""} : std::string{static_cast<char>(c)};
  all += "é漢😀";
  const auto j = tests::job({tests::input_file(dir, "in.csv", "t\n\"" + all + "\"\n", InputFormat::csv)}, "{{t}}");
  const auto line = tests::lines_of(j).at(0);
  json::Document document;
  REQUIRE(document.parse(line));
  all.replace(all.find("\"\""), 2, "\"");
  CHECK(document.root().find("body", "messages")->front()->find("content")->text() == all);
}

TEST_CASE("braces: four are a literal pair, three a brace and a column, and closing ones are text")
{
  const FreshDirectory dir;
  const std::string record = R"({"a":"A","b c":"B","a.b":"dot"})";
  const std::pair<const char*, const char*> cases[] = {
      {"{{a}}", "A"},
      {"{{  a }}{{b c}}", "AB"},
      {"{{a.b}}", "dot"},
      {"{ {a} }", "{ {a} }"},
      {"{{{{a}}", "{{a}}"},
      {"{{{{{{a}}}}", "{{A}}"},
      {"x}}y", "x}}y"},
      {R"({"k":{{a}}})", R"({\"k\":A})"},
      {"{{{a}}}", "{A}"},
      {"{{{{{a", "{{{a"},
      {"{{{{{{{{", "{{{{"},
      {"{", "{"},
      {"{{a}}{{{{{{a}}", "A{{A"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.first);
    CHECK(prompt_for(dir, record, c.first) == c.second);
  }
}

TEST_CASE("a template or option that cannot be read is a usage error")
{
  struct Case {
    const char* prompt;
    const char* says;
  };
  const Case cases[] = {
      {"one\ntwo {{text", "reading --prompt, line 2 (byte 8): the {{ that opens here is never closed"},
      {"{{text} }", "never closed"},
      {"{{  }}", "without a column"},
      {"{{}}", "without a column"},
      {"{{a}} \xff", "(byte 6): bytes that are not UTF-8"},
      {"", "no prompt"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.prompt);
    const auto e = thrown_by([&] { requests::LineMaker{tests::spec(c.prompt)}; });
    CHECK(e.fault() == Fault::usage);
    CAPTURE(std::string{e.what()});
    CHECK(says(e, c.says));
    CHECK_FALSE(e.hint().empty());
  }
  auto s = tests::spec("x");
  s.system = "{{";
  CHECK(says(thrown_by([&] { requests::LineMaker{s}; }), "--system"));
  s = tests::spec("x");
  s.model.clear();
  CHECK(thrown_by([&] { requests::LineMaker{s}; }).fault() == Fault::usage);
  for (const auto* value : {"", "text", "{", "01", "1 2"}) {
    s = tests::spec("x");
    s.set = {{"stop", value}};
    const auto e = thrown_by([&] { requests::LineMaker{s}; });
    CHECK(e.fault() == Fault::usage);
    CHECK(says(e, "--set stop"));
  }
  s.set = {{"stream", "true"}};
  CHECK(thrown_by([&] { requests::LineMaker{s}; }).fault() == Fault::usage);
}

TEST_CASE("an unknown column names the place and the known ones")
{
  const FreshDirectory dir;
  const auto csv = tests::input_file(dir, "in.csv", "id,text\n1,a\n", InputFormat::csv);
  const auto e = thrown_by([&] { tests::lines_of(tests::job({csv}, "{{txt}}")); });
  CHECK(e.fault() == Fault::input);
  CHECK(says(e, csv.path + ", line 2"));
  CHECK(says(e, "--prompt needs the column `txt`, the item has `id`, `text`"));
  CHECK(e.place()->line == 2);
  CHECK(e.place()->byte == 8);

  const auto jsonl = tests::input_file(dir, "in.jsonl", "{\"a\":1}\n{}\n", InputFormat::jsonl);
  const auto f = thrown_by([&] { tests::lines_of(tests::job({jsonl}, "{{a}}")); });
  CHECK(says(f, "line 2"));
  CHECK(says(f, "no columns"));
  auto j = tests::job({csv}, "x");
  j.request.id_column = "ID";
  CHECK(says(thrown_by([&] { tests::lines_of(j); }), "--id-column needs the column `ID`"));
}

TEST_CASE("a column with spaces around its name is found by them, and without them only where there is no such")
{
  const FreshDirectory dir;
  const auto csv = tests::input_file(dir, "in.csv", "id, text,both, both\n1,a,b,c\n", InputFormat::csv);
  const auto prompt_of = [&](const std::string& prompt) {
    return tests::lines_of(tests::job({csv}, "<" + prompt + ">")).at(0);
  };
  CHECK(prompt_of("{{ text}}").find("<a>") != std::string::npos);
  CHECK(prompt_of("{{ id }}").find("<1>") != std::string::npos);
  CHECK(prompt_of("{{both}} {{ both}} {{  both}}").find("<b c b>") != std::string::npos);
  const auto e = thrown_by([&] { prompt_of("{{text }}"); });
  CHECK(says(e, "needs the column `text`, the item has `id`, ` text`"));
  CHECK(prompt_for(dir, R"({" a":"x","b ":"y","b":"z"})", "{{ a}}{{b }}{{ b }}") == "xyz");
}

TEST_CASE("columns without a name pass by; they are counted where the known ones are listed")
{
  const FreshDirectory dir;
  const auto csv = tests::input_file(dir, "in.csv", ",text,,\n0,a,1,2\n", InputFormat::csv);
  CHECK(tests::lines_of(tests::job({csv}, "<{{text}}>")).at(0).find("<a>") != std::string::npos);
  const auto e = thrown_by([&] { tests::lines_of(tests::job({csv}, "{{x}}")); });
  CHECK(says(e, "the item has `text`, and 3 without a name"));
  const auto nameless = tests::input_file(dir, "in.csv", ",\n0,a\n", InputFormat::csv);
  CHECK(says(thrown_by([&] { tests::lines_of(tests::job({nameless}, "{{x}}")); }), "the item has 2 without a name"));
}

TEST_CASE("an id is a text that is not empty, or a number")
{
  const FreshDirectory dir;
  const auto id_of = [&](std::string_view json) {
    auto j = tests::job(
        {tests::input_file(dir, "in.jsonl", std::string{"{\"id\":"} + std::string{json} + "}\n", InputFormat::jsonl)},
        "x");
    j.request.id_column = "id";
    const auto stream = input::open(j.inputs, {});
    return requests::LineMaker{j.request}.custom_id(*stream->next());
  };
  CHECK(id_of("\"a\\u0062\\n\\ud83d\\ude00\"") == "ab\n😀");
  CHECK(id_of("-12.50") == "-12.50");
  for (const auto* bad : {"\"\"", "null", "true", "[1]", "{}", "\"\\ud83d\""}) {
    CAPTURE(bad);
    const auto e = thrown_by([&] { id_of(bad); });
    CHECK(e.fault() == Fault::input);
    CHECK(says(e, "the id in column `id`"));
    CHECK(e.place()->line == 1);
  }
  auto j = tests::job({tests::input_file(dir, "in.csv", "id,t\na,1\n,2\n", InputFormat::csv)}, "{{t}}");
  j.request.id_column = "id";
  const auto e = thrown_by([&] { tests::lines_of(j); });
  CHECK(says(e, "is empty"));
  CHECK(e.place()->line == 3);
}

TEST_SUITE_END();
