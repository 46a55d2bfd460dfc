#include "tests/support/fresh_directory.hpp"
#include "tests/support/program.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using tests::FreshDirectory;
using tests::Rehearsal;
using tests::Words;

namespace {

std::string rows(int count)
{
  std::string text = "id,kind,text\n";
  for (int i = 0; i < count; ++i)
    text += fmt::format("row-{},{},what of {}?\n", i, i % 10 == 0 ? "gold" : "plain", i);
  return text;
}

std::vector<std::string> files_of(const std::filesystem::path& directory, std::string_view what)
{
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    const auto name = entry.path().filename().native();
    if (name.find(what) != std::string::npos) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace

TEST_SUITE_BEGIN("e2e::compress");

TEST_CASE("a small job's results are those of any other, in every format, from both routes")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("rows.csv", rows(60)).native();
  const auto words = [&](const std::string& name) {
    return Words{"run",
                 input,
                 "--model",
                 "gpt-5.4-mini",
                 "--prompt",
                 "{{text}}",
                 "--id-column",
                 "id",
                 "--urgent",
                 "kind=gold",
                 "--requests-per-part",
                 "20",
                 "--probe",
                 "0",
                 "--name",
                 name,
                 "--yes",
                 "--every",
                 "50ms",
                 "-o",
                 (dir / (name + ".jsonl")).native()};
  };
  auto small = words("small");
  small.emplace_back("--compress");
  REQUIRE(world(words("usual")).exit == 0);
  const auto run = world(small);
  CAPTURE(run.err);
  REQUIRE(run.exit == 0);
  CHECK(tests::slurp(dir / "small.jsonl") == tests::slurp(dir / "usual.jsonl"));
  const auto home = dir / "home/jobs/small";
  CHECK(files_of(home, ".output.jsonl.zst").size() == 4);
  CHECK(files_of(home, ".output.jsonl") == files_of(home, ".output.jsonl.zst"));
  CHECK(files_of(home, ".requests").empty());
  CHECK(files_of(home, ".part").empty());
  for (const auto* format : {"csv", "raw"}) {
    const auto of_usual = world({"fetch", "usual", "--format", format});
    const auto of_small = world({"fetch", "small", "--format", format});
    CHECK(of_small.exit == 0);
    CHECK(std::count(of_small.out.begin(), of_small.out.end(), '\n') ==
          std::count(of_usual.out.begin(), of_usual.out.end(), '\n'));
    if (format == std::string{"csv"}) CHECK(of_small.out == of_usual.out);
  }
  CHECK(world({"cost", "small"}).exit == 0);
  CHECK(world({"show", "small"}).exit == 0);

  SUBCASE("what was made otherwise stays so, and that is said")
  {
    auto again = words("usual");
    again.emplace_back("--compress");
    const auto said = world(again);
    CHECK(said.exit == 0);
    CHECK(said.err.find("made without --compress") != std::string::npos);
    CHECK(files_of(dir / "home/jobs/usual", ".zst").empty());
  }
  SUBCASE("answers that changed on the disk are told with their file")
  {
    const auto output = home / files_of(home, ".output.jsonl.zst").front();
    auto bytes = tests::slurp(output);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    dir.file("home/jobs/small/" + output.filename().native(), bytes);
    const auto fetched = world({"fetch", "small", "-o", (dir / "again.jsonl").native()});
    CHECK(fetched.exit == 74);
    CHECK(fetched.err.find(output.filename().native()) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(dir / "again.jsonl"));
  }
}

TEST_CASE("what failed is sent again, and earlier answers are taken over, from a small job as from any")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"fail_share": 0.3})"};
  const auto input = dir.file("rows.csv", rows(40)).native();
  const Words words{"run", input,     "--model", "gpt-5.4-mini", "--prompt", "{{text}}", "--id-column",
                    "id",  "--probe", "0",       "--compress",   "--yes",    "--every",  "50ms"};
  auto first = words;
  first.insert(first.end(), {"--name", "first"});
  REQUIRE(world(first).exit == 3);
  world.put_faults("{}");
  REQUIRE(world({"retry", "first", "--yes"}).exit == 0);
  const auto fetched = world({"fetch", "first", "--wait", "--every", "50ms"});
  CHECK(fetched.exit == 0);
  CHECK(std::count(fetched.out.begin(), fetched.out.end(), '\n') == 40);

  auto second = words;
  second.insert(second.end(), {"--name", "second", "--reuse", "first"});
  const auto batches = world.ledger("batches_created");
  const auto reused = world(second);
  CHECK(reused.exit == 0);
  CHECK(world.ledger("batches_created") == batches);
  CHECK(std::count(reused.out.begin(), reused.out.end(), '\n') == 40);
}

TEST_CASE("a job file and the configuration ask for it, too")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  dir.file("a.csv", "text\nx\n");
  const Words words{
      "run", (dir / "a.csv").native(), "--model", "gpt-5.4-mini", "--prompt", "{{text}}", "--yes", "--every", "50ms"};
  SUBCASE("")
  {
    auto by_file = words;
    by_file.insert(by_file.end(), {"--job", dir.file("j.toml", "compress = true\n").native()});
    REQUIRE(world(by_file).exit == 0);
  }
  SUBCASE("")
  {
    dir.file(".config/batchwright/config.toml", "compress = true\n");
    REQUIRE(world(words).exit == 0);
  }
  CHECK(files_of(dir / "home/jobs/a", ".output.jsonl") == std::vector<std::string>{"0001.output.jsonl.zst"});
}

TEST_SUITE_END();
