// What is said that a job comes to, against what it came to: ten jobs as different as users' are, each after three
// items that were tried first. The answers' own usage is the judge.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <random>

using namespace batchwright;
using tests::FreshDirectory;
using tests::Rehearsal;
using tests::Words;

namespace {

namespace fs = std::filesystem;

std::string speeds(std::string_view faults = {})
{
  return fmt::format(R"({{"validating_ms":10,"in_progress_ms":40,"finalizing_ms":10,"chat_latency_ms":5{}}})", faults);
}

/// Texts whose lengths are drawn from a skewed distribution; the emulator's answers are as long as they are.
std::vector<std::string> texts(int count, double mean_of_log, double deviation_of_log, unsigned seed)
{
  std::mt19937 engine{seed};
  std::lognormal_distribution<double> words{mean_of_log, deviation_of_log};
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    std::string text = fmt::format("row {}", i);
    const auto more = std::min(4'000L, std::lround(words(engine)));
    for (long k = 0; k < more; ++k)
      text += k % 3 == 0 ? " and" : k % 3 == 1 ? " something" : " else";
    texts.push_back(text);
  }
  return texts;
}

fs::path csv(const FreshDirectory& dir, const std::string& name, const std::vector<std::string>& texts)
{
  std::string out = "id,text\n";
  for (std::size_t i = 0; i < texts.size(); ++i)
    out += fmt::format("r{},{}\n", i, texts[i]);
  return dir.file(name + ".csv", out);
}

fs::path ready_made(const FreshDirectory& dir, const std::string& name, const std::vector<std::string>& texts)
{
  std::string out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    out += fmt::format(R"({{"custom_id":"q{}","method":"POST","url":"/v1/responses","body":{{"model":"gpt-5.4-mini",)"
                       R"("input":"Repeat: {}"}}}})"
                       "\n",
                       i, texts[i]);
  }
  return dir.file(name + ".jsonl", out);
}

struct Outcome {
  double low = 0;
  double spent = 0;
  double high = 0;

  bool is_inside() const { return low <= spent && spent <= high; }
};

struct Story {
  std::string name = {};
  fs::path input = {};
  Words options = {};
  std::string faults = {};
};

Outcome outcome_of(const Rehearsal& world, const Story& story)
{
  world.put_faults(speeds(story.faults));
  Words words{"run",
              story.input.native(),
              "--name",
              story.name,
              "--every",
              "50ms",
              "--yes",
              "-o",
              (story.input.parent_path() / (story.name + ".out.jsonl")).native()};
  words.insert(words.end(), story.options.begin(), story.options.end());
  const auto ended = world(words);
  CAPTURE(ended.err);
  REQUIRE((ended.exit == 0 || ended.exit == 4)); // in some of them a few items fail
  const auto told = world({"cost", story.name, "--json"});
  json::Document doc;
  REQUIRE(doc.parse(told.out));
  const auto figure = [&](std::string_view member) { return std::stod(std::string{doc.root().find(member)->raw()}); };
  return {figure("estimated_low_usd"), figure("spent_usd"), figure("estimated_high_usd")};
}

} // namespace

TEST_SUITE_BEGIN("e2e::range");

TEST_CASE("the total lies inside the range that was told in nine of ten varied jobs, and the range says something")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const Words echo{"--prompt", "Repeat: {{text}}"};
  const auto with = [&](const Words& more) {
    auto words = echo;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::vector<Story> stories{
      {"even", csv(dir, "even", texts(240, 1, 0.1, 1)), with({"--model", "gpt-5.4"}), {}},
      {"skewed", csv(dir, "skewed", texts(300, 3, 0.8, 2)), with({"--model", "gpt-5.4-mini"}), {}},
      {"very-skewed", csv(dir, "very-skewed", texts(400, 3, 1.1, 3)), with({"--model", "gpt-4.1"}), {}},
      {"long", csv(dir, "long", texts(150, 6, 0.4, 4)), with({"--model", "gpt-5.4-nano"}), {}},
      {"live", csv(dir, "live", texts(200, 3, 0.6, 5)), with({"--model", "gpt-5.4", "--mode", "realtime"}), {}},
      {"mixed", csv(dir, "mixed", texts(200, 4, 0.5, 6)),
       with({"--model", "gpt-5.4", "--mode", "hybrid", "--urgent", "id=r7", "--requests-per-part", "50"}),
       R"(,"transient_share":0.1)"},
      {"bounded",
       csv(dir, "bounded", texts(200, 4, 0.7, 7)),
       with({"--model", "gpt-5.4", "--max-output-tokens", "60", "--accept", "truncated"}),
       {}},
      {"answers", csv(dir, "answers", texts(200, 3, 0.5, 8)),
       with({"--model", "gpt-5.4-mini", "--endpoint", "responses"}),
       R"(,"never_ran_share":0.05,"transient_share":0.05)"},
      {"ready-made", ready_made(dir, "ready-made", texts(200, 3, 0.7, 9)), {}, {}},
      {"vectors",
       csv(dir, "vectors", texts(200, 4, 0.6, 10)),
       {"--prompt", "{{text}}", "--endpoint", "embeddings", "--model", "text-embedding-3-small"},
       {}}};
  int inside = 0;
  for (const auto& story : stories) {
    const auto outcome = outcome_of(world, story);
    CAPTURE(story.name);
    CHECK(outcome.high < 20 * outcome.low); // else it would say nothing
    inside += outcome.is_inside() ? 1 : 0;
    MESSAGE(fmt::format("{}: {:.6f} in {:.6f} to {:.6f}: {}", story.name, outcome.spent, outcome.low, outcome.high,
                        outcome.is_inside() ? "inside" : "OUTSIDE"));
  }
  CHECK(inside >= 9);
}

TEST_SUITE_END();
