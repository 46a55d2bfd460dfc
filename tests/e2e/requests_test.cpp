// Every endpoint, ready-made requests, and answers that keep to a schema, as a user meets them; the emulator's ledger
// is the judge.

#include "tests/support/fresh_directory.hpp"
#include "tests/support/program.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <set>

using namespace batchwright;
using tests::FreshDirectory;
using tests::Rehearsal;
using tests::Words;

namespace {

bool holds(const std::string& text, std::string_view part)
{
  return text.find(part) != std::string::npos;
}

std::vector<std::string> lines_of(const std::string& text)
{
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    lines.push_back(text.substr(at, text.find('\n', at) - at));
  return lines;
}

/// Runs a job to its end.
tests::Ended go(const Rehearsal& world, const std::filesystem::path& input, const Words& more)
{
  Words words{"run", input.native(), "--yes", "--every", "20ms"};
  words.insert(words.end(), more.begin(), more.end());
  return world(words);
}

std::string texts_csv(std::size_t n, const std::string& bad = {}, std::size_t bad_at = 0)
{
  std::string csv = "id,text\n";
  for (std::size_t i = 0; i < n; ++i)
    csv += fmt::format("row {},{}\n", i, !bad.empty() && i == bad_at ? bad : fmt::format("text {}", i));
  return csv;
}

/// A ready-made request.
std::string request(const std::string& id, const std::string& model, const std::string& content)
{
  return fmt::format(R"({{"custom_id": "{}", "method":"POST","url":"/v1/chat/completions",  "body":{{"model":"{}",)"
                     R"("messages":[{{"role":"user","content":"{}"}}],"max_completion_tokens":200}}}})",
                     id, model, content);
}

} // namespace

TEST_SUITE_BEGIN("e2e::requests");

TEST_CASE("texts become a matrix: row i is item i, asked for in packs, none of them twice")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto npy = dir / "v.npy";
  const auto run = go(world, dir.file("t.csv", texts_csv(250)),
                      {"--endpoint", "embeddings", "--model", "text-embedding-3-small", "--prompt", "{{text}}", "--set",
                       "dimensions=8", "--id-column", "id", "--probe", "0", "-o", npy.native()});
  CAPTURE(run.err);
  REQUIRE(run.exit == 0);
  CHECK(world.ledger("requests_executed") == 3);
  CHECK(world.ledger("inputs_executed") == 250);
  CHECK(world.ledger("inputs_beyond_copies") == 0);

  const auto bytes = tests::slurp(npy);
  REQUIRE(bytes.size() == 128 + 250 * 8 * sizeof(float));
  CHECK(holds(bytes, "'shape': (250, 8)"));
  const auto ids = lines_of(tests::slurp(dir / "v.ids.jsonl"));
  REQUIRE(ids.size() == 250);
  CHECK(ids[249] == R"({"index":249,"custom_id":"row 249","status":"succeeded","error":null})");

  // The records say the same numbers, item by item.
  const auto records = lines_of(world({"fetch", "t"}).out);
  REQUIRE(records.size() == 250);
  for (const std::size_t i : {std::size_t{0}, std::size_t{99}, std::size_t{100}, std::size_t{249}}) {
    json::Document doc;
    REQUIRE(doc.parse(records[i]));
    CHECK(doc.root().find("custom_id")->text() == fmt::format("row {}", i));
    const auto numbers = doc.root().find("output")->elements();
    REQUIRE(numbers.size() == 8);
    for (std::size_t k = 0; k < 8; ++k) {
      float value = 0;
      bytes.copy(reinterpret_cast<char*>(&value), sizeof value, 128 + (i * 8 + k) * sizeof value);
      CHECK(std::stof(std::string{numbers[k].raw()}) == value);
    }
  }
}

TEST_CASE("a pack that is refused is halved until the bad item stands alone")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"bad_text":"POISON"})"};
  const auto run =
      go(world, dir.file("t.csv", texts_csv(40, "some POISON here", 17)),
         {"--endpoint", "embeddings", "--model", "text-embedding-3-small", "--prompt", "{{text}}", "--set",
          "dimensions=4", "--inputs-per-request", "16", "--id-column", "id", "-o", (dir / "out.jsonl").native()});
  CAPTURE(run.err);
  REQUIRE(run.exit == 3);
  const auto records = lines_of(tests::slurp(dir / "out.jsonl"));
  REQUIRE(records.size() == 40);
  for (std::size_t i = 0; i < 40; ++i) {
    CAPTURE(records[i]);
    CHECK(holds(records[i], fmt::format("\"custom_id\":\"row {}\"", i)));
    CHECK(holds(records[i], i == 17 ? "\"status\":\"failed\"" : "\"status\":\"succeeded\""));
  }
  CHECK(holds(records[17], "\"http_status\":400"));
  CHECK(world.ledger("inputs_beyond_copies") == 0);
}

TEST_CASE("each endpoint gives what it says")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  struct Case {
    const char* endpoint;
    const char* model;
    const char* output;
  };
  const Case cases[] = {
      {"responses", "gpt-5.4-mini", R"("output":"echo )"},
      {"completions", "gpt-3.5-turbo-instruct", R"("output":"echo )"},
      {"moderations", "omni-moderation-latest", R"("output":{"flagged":)"},
      {"embeddings", "text-embedding-3-small", R"("output":[)"},
  };
  const auto input = dir.file("t.csv", texts_csv(5));
  for (const auto& c : cases) {
    CAPTURE(c.endpoint);
    const auto run =
        go(world, input, {"--name", c.endpoint, "--endpoint", c.endpoint, "--model", c.model, "--prompt", "{{text}}"});
    CAPTURE(run.err);
    CHECK(run.exit == 0);
    const auto records = lines_of(run.out);
    REQUIRE(records.size() == 5);
    for (const auto& record : records)
      CHECK(holds(record, c.output));
  }
  const auto body = dir.file("body.json", R"({"model": "gpt-image-1", "prompt": "{{text}}", "n": 1})");
  const auto run = go(world, input, {"--endpoint", "/v1/images/generations", "--body", body.native()});
  CAPTURE(run.err);
  CHECK(run.exit == 0);
  CHECK(holds(run.out, R"("output":{"created":)"));
}

TEST_CASE("ready-made files of two models come back as a file each, and go out byte for byte")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), {}, {"--dir", (dir / "server").native()}};
  std::vector<std::string> all;
  Words words{"run", "--yes", "--every", "20ms", "--keep-requests", "-o", (dir / "out/").native() + "/"};
  for (const auto* name : {"one.jsonl", "two.jsonl"}) {
    std::string text;
    for (int i = 0; i < 60; ++i) {
      all.push_back(request(fmt::format("id-{}", i), i % 3 == 0 ? "gpt-5.4-nano" : "gpt-5.4-mini",
                            fmt::format("caf\\u00e9 é {} of {}", i, name)));
      text += all.back() + (i == 30 ? "\r\n" : "\n");
    }
    words.push_back(dir.file(name, text).native());
  }
  const auto run = world(words);
  CAPTURE(run.err);
  REQUIRE(run.exit == 0);

  std::multiset<std::string> sent;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{dir / "home"}) {
    if (!entry.path().native().ends_with(".requests.jsonl")) continue;
    std::set<std::string> models;
    for (const auto& line : lines_of(tests::slurp(entry.path()))) {
      sent.insert(line);
      models.insert(holds(line, "nano") ? "nano" : "mini");
    }
    CHECK(models.size() == 1);
  }
  CHECK(sent == std::multiset<std::string>(all.begin(), all.end()));

  for (const auto* name : {"one", "two"}) {
    const auto answers = lines_of(tests::slurp(dir / "out" / (std::string{name} + ".jsonl")));
    REQUIRE(answers.size() == 60);
    for (int i = 0; i < 60; ++i) {
      const auto& line = answers[static_cast<std::size_t>(i)];
      CHECK(holds(line, fmt::format("\"custom_id\":\"id-{}\"", i)));
      CHECK(holds(line, fmt::format("{} of {}.jsonl", i, name)));
    }
    CHECK_FALSE(std::filesystem::exists(dir / "out" / (std::string{name} + ".errors.jsonl")));
  }
  const auto uploads = world.ledger("uploads");
  const auto again = world(words); // the same job, which is done
  CAPTURE(again.err);
  CHECK(again.exit == 0);
  CHECK(world.ledger("uploads") == uploads);
  const auto status = world({"status", "one", "--json"}).out;
  CHECK(holds(status, R"("model":null,"endpoint":"/v1/chat/completions")"));
}

TEST_CASE("refused ready-made requests stand beside the others, as the API does it")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"bad_text":"POISON"})"};
  const auto input =
      dir.file("r.jsonl", request("a", "gpt-5.4-mini", "fine") + "\n" + request("b", "gpt-5.4-mini", "POISON") + "\n" +
                              request("c", "gpt-5.4-mini", "good"));
  const auto run = go(world, input, {});
  CHECK(run.exit == 3);
  const auto shown = world({"show", "r", "--failed"});
  CHECK(shown.exit == 0);
  CHECK(holds(shown.out, "POISON"));
  REQUIRE(world({"fetch", "r", "--format", "raw", "-o", (dir / "out").native() + "/"}).exit == 3);
  CHECK(lines_of(tests::slurp(dir / "out/r.jsonl")).size() == 2);
  const auto refused = lines_of(tests::slurp(dir / "out/r.errors.jsonl"));
  REQUIRE(refused.size() == 1);
  CHECK(holds(refused[0], R"("custom_id":"b")"));
  CHECK(holds(refused[0], R"("status_code":400)"));
}

TEST_CASE("what is wrong with ready-made requests or their options is said before anything is sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto good = request("a", "m", "x") + "\n";
  const auto fine = dir.file("fine.jsonl", good);
  const auto refused = [&](const Words& words, int exit, std::string_view says) {
    const auto run = world(words);
    CAPTURE(run.err);
    CHECK(run.exit == exit);
    CHECK(holds(run.err, says));
  };
  refused({"submit", fine.native(), "--yes", "--model", "m"}, 64, "ready-made requests, which are sent as they are");
  refused({"submit", fine.native(), "--yes", "--prompt", "x", "--model", "m"}, 64, "--input-format jsonl");
  refused({"submit", fine.native(), dir.file("t.csv", "a\n1\n").native(), "--yes"}, 64,
          "is no file of ready-made requests");
  refused({"submit", dir.file("twice.jsonl", good + good).native(), "--yes"}, 65, "line 2");
  refused(
      {"submit",
       dir.file(
              "stream.jsonl",
              R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{}],"stream":true}})")
           .native(),
       "--yes"},
      65, "stream");
  refused({"submit",
           dir.file("url.jsonl", good + R"({"custom_id":"b","method":"POST","url":"/v1/nowhere","body":{"model":"m"}})")
               .native(),
           "--yes"},
          65, "line 2");
  refused({"submit", dir.file("t.csv", "a\n1\n").native(), "--yes", "--model", "m", "--prompt", "x", "-o",
           dir.path().native()},
          64, "is a directory");
  CHECK(world.ledger("uploads") == 0);
  CHECK(world({"submit", fine.native(), "--input-format", "jsonl", "--model", "m", "--prompt", "{{body.model}}",
               "--dry-run"})
            .exit == 0);
}

TEST_CASE("documents that keep to a schema are parsed, and their fields are columns")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto schema = dir.file("schema.json", R"({
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["good", "bad"]},
                   "why": {"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}}},
                           "required": ["words"], "additionalProperties": false}},
    "required": ["label", "why"], "additionalProperties": false})");
  const auto input = dir.file("t.csv", texts_csv(6));
  for (const auto* endpoint : {"chat", "responses"}) {
    CAPTURE(endpoint);
    const auto run = go(world, input,
                        {"--name", endpoint, "--endpoint", endpoint, "--model", "gpt-5.4-mini", "--prompt", "{{text}}",
                         "--schema", schema.native(), "-o", (dir / "out.csv").native()});
    CAPTURE(run.err);
    REQUIRE(run.exit == 0);
    const auto rows = lines_of(tests::slurp(dir / "out.csv"));
    REQUIRE(rows.size() == 7);
    CHECK(rows[0] == "id,text,output,output.label,output.why.words,status,error");
    for (const auto& record : lines_of(world({"fetch", endpoint}).out)) {
      json::Document doc;
      REQUIRE(doc.parse(record));
      const auto label = doc.root().find("output", "label");
      REQUIRE(label);
      CHECK((label->text() == "good" || label->text() == "bad"));
    }
  }
  const auto uploads = world.ledger("uploads");
  const auto loose = dir.file("loose.json", R"({"type":"object","properties":{"a":{"type":"string"}}})");
  const auto run = go(world, input, {"--name", "x", "--model", "m", "--prompt", "x", "--schema", loose.native()});
  CHECK(run.exit == 65);
  CHECK(holds(run.err, "additionalProperties"));
  CHECK(world.ledger("uploads") == uploads);
}

TEST_SUITE_END();
