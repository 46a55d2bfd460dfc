// What is said of inputs, options and outputs before any work, as a user sees it.

#include "tests/support/answers.hpp"
#include "tests/support/fresh_directory.hpp"
#include "tests/support/packing.hpp"
#include "tests/support/program.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

using namespace batchwright;
using tests::FreshDirectory;
using tests::Rehearsal;
using tests::Words;

namespace {

Words words(const std::string& command, const std::filesystem::path& input, const Words& more = {})
{
  Words all{command, input.native(), "--model", "gpt-5.4-mini", "--prompt", "Repeat: {{text}}"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool holds(const std::string& text, std::string_view part)
{
  return text.find(part) != std::string::npos;
}

double estimated_usd(const tests::Ended& dry)
{
  json::Document doc;
  REQUIRE(doc.parse(dry.out));
  return std::stod(std::string{doc.root().find("cost", "estimated_usd").value().raw()});
}

} // namespace

TEST_SUITE_BEGIN("e2e::input");

TEST_CASE("what pandas writes goes in and comes out again, its column without a name too")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto out = dir / "out.CSV";
  const auto run = world(words("run", dir.file("a.csv", ",text\n0,hello\n"),
                               {"--max-output-tokens", "64", "--yes", "--every", "50ms", "-o", out.native()}));
  CAPTURE(run.err);
  CHECK(run.exit == 0);
  CHECK(tests::slurp(out).starts_with(",text,output,status,error\n0,hello,"));
}

TEST_CASE("an output whose format is not there yet is refused before any work, unless a format is named")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", "text\nx\n");
  for (const auto* name : {"out.xlsx", "out.jsonl.bz2", "out.parquet"}) {
    const auto run = world(words("run", input, {"--yes", "-o", (dir / name).native()}));
    CHECK(run.exit == 64);
    CHECK(holds(run.err, name));
    CHECK(holds(run.err, "--format"));
  }
  CHECK(world.ledger("uploads") == 0);
  REQUIRE(world(words("run", input, {"--yes", "--every", "50ms", "-o", (dir / "o").native()})).exit == 0);
  CHECK(world({"fetch", "a", "-o", (dir / "out.parquet").native()}).exit == 64);
  CHECK(world({"fetch", "a", "--format", "csv", "-o", (dir / "out.tsv").native()}).exit == 0);
  CHECK(tests::slurp(dir / "out.tsv").starts_with("text,output,"));
}

TEST_CASE("what --set adds counts in the plan: texts as input, a bound as the bound")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", "text\nx\ny\n");
  const auto dry = [&](Words more, const Words& form = {}) {
    more.insert(more.end(), form.begin(), form.end());
    more.emplace_back("--dry-run");
    return world(words("submit", input, more));
  };
  CHECK(holds(dry({}).err, "perhaps 600 out\n"));
  CHECK(holds(dry({"--set", "max_completion_tokens=500"}).err, "at most 1,000 out\n"));
  CHECK(holds(dry({"--set", "max_tokens=100000"}).err, "at most 200,000 out\n"));
  CHECK(holds(dry({"--max-output-tokens", "500", "--set", "n=3"}).err, "at most 3,000 out\n"));

  const auto cost = [&](const Words& more) { return estimated_usd(dry(more, {"--json"})); };
  const auto plain = cost({"--max-output-tokens", "500"});
  CHECK(cost({"--set", "max_completion_tokens=500"}) == plain);
  const auto tools =
      R"(tools=[{"type":"function","function":{"name":"f","description":")" + std::string(50'000, 'x') + R"("}}])";
  CHECK(cost({"--max-output-tokens", "500", "--set", tools}) > 2 * plain);
}

TEST_CASE("a bound that no model could reach is refused")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", "text\nx\n");
  for (const auto* bound : {"10000001", "9000000000000000000", "99999999999999999999"}) {
    const auto refused = world(words("submit", input, {"--dry-run", "--max-output-tokens", bound}));
    CHECK(refused.exit == 64);
    CHECK(holds(refused.err, "--max-output-tokens"));
  }
  CHECK(world(words("submit", input, {"--dry-run", "--max-output-tokens", "10000000"})).exit == 0);
  const auto most = world(words("submit", input, {"--dry-run", "--json", "--set", "max_tokens=9000000000000000000"}));
  CHECK(most.exit == 0);
  CHECK(estimated_usd(most) > 0);
}

TEST_CASE("a packed file that was cut is told as such, before anything is sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto refused = world(words("submit", dir.file("a.csv.gz", std::string{"\x1f\x8b\x08\0\0\0", 6}), {"--yes"}));
  CHECK(refused.exit == 65);
  CHECK(holds(refused.err, "ends too soon"));
  CHECK(world.ledger("uploads") == 0);
}

TEST_CASE("several inputs run on as one, whatever they are packed in, with the prompt from a file")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto prompt = dir.file("prompt.txt", "Repeat: {{text}}").native();
  const Words more{"--model", "gpt-5.4-mini", "--prompt-file", prompt, "--max-output-tokens",
                   "64",      "--yes",        "--every",       "50ms", "-o"};
  const auto answers = [&](Words inputs) {
    inputs.insert(inputs.begin(), "run");
    inputs.insert(inputs.end(), more.begin(), more.end());
    inputs.push_back((dir / "out.jsonl").native());
    const auto run = world(inputs);
    CAPTURE(run.err);
    CHECK(run.exit == 0);
    return tests::slurp(dir / "out.jsonl");
  };
  const auto plain = answers({dir.file("all.csv", "text\none\ntwo\nthree\n").native()});
  tests::check_answers(plain, 3, [](int i) {
    return std::string{"Repeat: "} + std::array{"one", "two", "three"}[static_cast<std::size_t>(i)];
  });
  const auto mixed = answers({dir.file("a.tsv.gz", tests::gzipped("id\ttext\n1\tone\n")).native(),
                              dir.file("b.jsonl.zst", tests::zstandard("{\"text\":\"two\"}\n")).native(),
                              dir.file("c.txt", "three\n").native()});
  tests::check_answers(mixed, 3, [](int i) {
    return std::string{"Repeat: "} + std::array{"one", "two", "three"}[static_cast<std::size_t>(i)];
  });
}

namespace {

const Words options{"--model", "gpt-5.4-mini", "--prompt", "Repeat: {{text}}", "--max-output-tokens", "64"};

Words with_options(Words words, const Words& more = {})
{
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Runs a job to its end; its merged result in that format.
std::string result_of(const Rehearsal& world, const FreshDirectory& dir, const Words& inputs,
                      const std::filesystem::path& piped = "/dev/null", const char* out_name = "out.jsonl")
{
  const auto out = (dir / out_name).native();
  Words words{"run"};
  words.insert(words.end(), inputs.begin(), inputs.end());
  const auto run = world.piped(piped, with_options(words, {"--yes", "--every", "50ms", "-o", out}));
  CAPTURE(run.err);
  CHECK(run.exit == 0);
  return tests::slurp(out);
}

bool is_absent(const std::filesystem::path& path)
{
  return !std::filesystem::exists(path);
}

} // namespace

TEST_CASE("a folder, a pipe, packed or not, and a packed file give what the plain file gives")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  constexpr std::array texts{"one", "two, with a comma", "three"};
  std::string csv = "text\n";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    csv += '"' + std::string{texts[i]} + "\"\n";
    dir.file("folder/" + std::to_string(i) + ".txt", texts[i]);
  }
  const auto plain = dir.file("plain.csv", csv);
  const auto expected = result_of(world, dir, {plain.native()});
  tests::check_answers(expected, 3,
                       [&](int i) { return std::string{"Repeat: "} + texts.at(static_cast<std::size_t>(i)); });
  CHECK(result_of(world, dir, {(dir / "folder").native()}) == expected);
  CHECK(result_of(world, dir, {dir.file("packed.csv.zst", tests::zstandard(csv)).native()}) == expected);
  CHECK(result_of(world, dir, {"-", "--input-format", "csv"}, plain) == expected);
  CHECK(result_of(world, dir, {"-", "--input-format", "csv", "--name", "gz"},
                  dir.file("piped.gz", tests::gzipped(csv))) == expected);

  const auto table = result_of(world, dir, {plain.native(), "--name", "t1"}, "/dev/null", "out.csv");
  CHECK(result_of(world, dir, {"-", "--input-format", "csv", "--name", "t2"}, plain, "out.csv") == table);
  CHECK(result_of(world, dir, {(dir / "folder").native()}, "/dev/null", "out.csv")
            .starts_with("path,text,output,status,error\n0.txt,one,"));
}

TEST_CASE("the same content piped again goes on with the job and buys nothing")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto first = result_of(world, dir, {"-"}, dir.file("a", "id,text\n1,x\n2,y\n"));
  const auto bought = world.ledger("requests_executed");
  CHECK(bought == 2); // told as CSV by its content
  CHECK(result_of(world, dir, {"-"}, dir / "a") == first);
  CHECK(world.ledger("requests_executed") == bought);
  CHECK(result_of(world, dir, {"-"}, dir.file("b", "id,text\n1,x\n2,z\n")) != first);
  CHECK(world({"status", "stdin-2", "--offline"}).exit == 0);
}

TEST_CASE("duckdb's rows are piped in as JSON lines")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto stand_in =
      dir.file("bin/duckdb", "#!/bin/sh\n"
                             "[ \"$1\" = -c ] || exit 2\n"
                             "case $2 in *\"TO '/dev/stdout' (FORMAT json)\"*) ;; *) exit 2 ;; esac\n"
                             "printf '%s\\n' '{\"id\":1,\"text\":\"one\"}' '{\"id\":2,\"text\":\"two\"}'\n");
  std::filesystem::permissions(stand_in, std::filesystem::perms::owner_all);
  std::string shell = "#!/bin/sh\n";
  for (const auto& [name, value] : world.environment())
    shell += "export " + name + "='" + value + "'\n";
  shell += "PATH=\"$PATH:" + (dir / "bin").native() + "\"\n"; // where there is a duckdb, it is asked
  shell +=
      "duckdb -c \"COPY (SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS t(id, text)) TO '/dev/stdout' (FORMAT json)\""
      " | " PROGRAM " run - --input-format jsonl --id-column id --model gpt-5.4-mini --prompt 'Repeat: {{text}}'"
      " --max-output-tokens 64 --yes --every 50ms\n";
  const auto script = dir.file("script.sh", shell);
  REQUIRE(std::system(
              ("sh " + script.native() + " > " + (dir / "out").native() + " 2> " + (dir / "err").native()).c_str()) ==
          0);
  const auto out = tests::slurp(dir / "out");
  CHECK(holds(out, R"("custom_id":"1","status":"succeeded")"));
  CHECK(holds(out, R"("custom_id":"2","status":"succeeded")"));
}

TEST_CASE("what cannot be read from a pipe is told as standard input, and nothing is left or sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto refused = [&](std::string_view content, const Words& more = {}) {
    auto all = more;
    all.insert(all.begin(), {"submit", "-"});
    return world.piped(dir.file("in", content), with_options(all, {"--yes"}));
  };
  const auto empty = refused("");
  CHECK(empty.exit == 65);
  CHECK(holds(empty.err, "reading standard input: the file is empty"));
  const auto bad = refused("{\"text\":\"a\"}\n{\"text\":\n");
  CHECK(bad.exit == 65);
  CHECK(holds(bad.err, "standard input, line 2"));
  CHECK(refused("\xff\xfeh\0i\0").exit == 65);
  CHECK(refused("x\n", {"-"}).exit == 64);
  CHECK(refused("x\n", {"--input-format", "files"}).exit == 64);
  const auto json = refused("a\xff\n", {"--json"});
  CHECK(json.exit == 65);
  CHECK(holds(json.err, R"("file":"standard input","line":1,"byte":1)"));

  const auto unasked = world.piped(dir.file("in", "x\n"), with_options({"submit", "-"}));
  CHECK(unasked.exit == 64); // there is no terminal to ask on
  CHECK(holds(unasked.err, "--yes"));
  const auto dry = world.piped(dir / "in", with_options({"submit", "-", "--dry-run"}));
  CHECK(dry.exit == 0);
  CHECK(is_absent(dir / "home"));
  CHECK(world.ledger("uploads") == 0);
}

TEST_CASE("Ctrl-C while a pipe is waited for leaves nothing")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
  tests::Running waiting{with_options({"submit", "-", "--yes", "--verbose"}), world.environment(), dir / "pipe"};
  const auto process = std::filesystem::path{"/proc"} / std::to_string(waiting.pid());
  const auto catches_signals = [&] {
    if (!std::filesystem::equivalent(process / "exe", PROGRAM)) return false; // not begun yet
    const auto status = tests::slurp(process / "status");
    const auto at = status.find("SigCgt:");
    constexpr unsigned long long sigint_and_sigterm = 0x4002;
    return at != std::string::npos &&
           (std::stoull(status.substr(at + 7), nullptr, 16) & sigint_and_sigterm) == sigint_and_sigterm;
  };
  while (!catches_signals())
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  waiting.signal(SIGINT);
  const auto ended = waiting.wait();
  CHECK(ended.exit == 130);
  CHECK(is_absent(dir / "home"));
}

TEST_CASE("each fault of a folder is told before anything is sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto refused = [&](const Words& more = {}) {
    Words all{"submit", (dir / "in").native()};
    all.insert(all.end(), more.begin(), more.end());
    return world(with_options(all, {"--yes"}));
  };
  CHECK(refused().exit == 74); // there is none
  std::filesystem::create_directory(dir / "in");
  CHECK(refused().exit == 65); // no item
  dir.file("in/a.txt", "fine");
  CHECK(refused({"--input-format", "csv"}).exit == 64);
  CHECK(refused({"--id-column", "name"}).exit == 65);
  dir.file("in/b.txt", "one\ntw\xffo");
  const auto bytes = refused();
  CHECK(bytes.exit == 65);
  CHECK(holds(bytes.err, "in/b.txt, line 2 (byte 6)"));
  dir.file("in/b.txt", "fine");
  dir.file("in/caf\xe9", "x");
  const auto name = refused();
  CHECK(name.exit == 65);
  CHECK(holds(name.err, "in/caf\\xe9: its name is not UTF-8"));
  CHECK(world.ledger("uploads") == 0);
  CHECK(refused({"--skip-bad", "1", "--dry-run"}).exit == 0);
}

TEST_CASE("files of hostile names go through to the result, and their terminals stay as they are")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  for (const auto* name : {"in/..txt..", "in/\"q\",\n", "in/\x1b[2J", "in/{{text}}", "in/-o"})
    dir.file(name, "text");
  const auto out = result_of(world, dir, {(dir / "in").native(), "--id-column", "path"}, "/dev/null", "out.csv");
  CHECK(holds(out, "\n\"\"\"q\"\",\n\",text,"));
  CHECK(holds(out, "\n{{text}},text,"));
  const auto raw = world({"fetch", "in"});
  CHECK(raw.exit == 0);
  CHECK(holds(raw.out, R"("custom_id":"\u001b[2J")"));
  dir.file("in/\x1b[2J", "bad \xff");
  const auto refused = world(with_options({"submit", (dir / "in").native(), "--name", "other", "--yes"}));
  CHECK(refused.exit == 65);
  CHECK_FALSE(holds(refused.err, "\x1b[2J"));
}

TEST_CASE("a folder that changed under its job is not joined with what was sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  dir.file("in/a.txt", "one");
  dir.file("in/b.txt", "two");
  result_of(world, dir, {(dir / "in").native()});
  dir.file("in/b.txt", "six");
  const auto refused = world({"fetch", "in", "--format", "csv"});
  CHECK(refused.exit == 65);
  CHECK(holds(refused.err, "the folder has changed since the job was made"));
  CHECK(world({"fetch", "in"}).exit == 0); // what needs nothing of it is delivered all the same
}

TEST_CASE("an input without an item is a job that is done, where that was allowed")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("rows.csv", "id,text\n").native();
  const auto refused = world(with_options({"submit", input, "--yes"}));
  CHECK(refused.exit == 65);
  CHECK(holds(refused.err, "--allow-empty"));
  const auto made = world(with_options({"submit", input, "--allow-empty"})); // nothing is spent: nobody is asked
  CHECK(made.exit == 0);
  CHECK(made.out == "rows\n");
  CHECK(result_of(world, dir, {input, "--allow-empty"}, "/dev/null", "out.csv") == "id,text,output,status,error\n");
  CHECK(result_of(world, dir, {input, "--allow-empty"}).empty());
  CHECK(world({"fetch", "rows", "--wait"}).exit == 0);
  CHECK(world({"poll"}).exit == 0);
  CHECK(world({"poll", "rows"}).exit == 0);
  CHECK(holds(world({"status", "rows"}).out, "done"));
  CHECK(world({"status"}).exit == 0);
  CHECK(holds(world({"status", "--json"}).out, R"("state":"done")"));
  CHECK(world.piped("/dev/null", with_options({"submit", "-", "--allow-empty"})).exit == 0);
  CHECK(world.ledger("uploads") == 0);
}

TEST_CASE("the plan says what the input was taken for")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto plan = [&](const std::string& name, std::string_view content) {
    return world(with_options({"submit", dir.file(name, content).native(), "--dry-run"})).err;
  };
  CHECK(holds(plan("a", "id,text\n1,x\n"), "  input   csv: id, text\n"));
  CHECK(holds(plan("b", "Hello, world\nGoodbye, moon\n"), "  input   text: text\n"));
  CHECK(holds(plan("c", "{\"text\":1}\n"), "  input   jsonl\n"));
  CHECK_FALSE(holds(plan("d.csv", "\x1b[2J,text\n1,x\n"), "\x1b"));
}

TEST_SUITE_END();
