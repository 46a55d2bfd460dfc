// Caching from outside: the plan names the cheaper route, what both then cost agrees, and what batches lost is said.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

using namespace batchwright;
using tests::FreshDirectory;
using tests::Rehearsal;
using tests::Words;

namespace {

constexpr auto fast = R"({"validating_ms":10,"in_progress_ms":40,"finalizing_ms":10,"chat_latency_ms":5})";
constexpr int items = 80;

/// A system message of 3,000 tokens and a bit, of words as people use them.
std::string instructions()
{
  const std::string words = "Tell in one word whether the customer who wrote this would buy the product again. ";
  std::string text;
  while (text.size() < 12'200)
    text += words;
  return text;
}

class Reviews {
public:
  explicit Reviews(const FreshDirectory& dir)
      : m_input(tests::rows(dir, items)),
        m_system(dir.file("system.txt", instructions())),
        m_out(dir.path()),
        m_world(dir.path(), fast)
  {
  }

  tests::Ended run(const std::string& command, const std::string& name, const Words& more,
                   const std::string& model = "gpt-4.1") const
  {
    Words words{command,    m_input.native(),   "--name",  name, "--system-file",       m_system.native(),
                "--prompt", "Review: {{text}}", "--probe", "0",  "--max-output-tokens", "20",
                "--yes"};
    if (command == "run") words.insert(words.end(), {"--every", "50ms", "-o", (m_out / (name + ".jsonl")).native()});
    words.insert(words.end(), {"--model", model});
    words.insert(words.end(), more.begin(), more.end());
    return m_world(words);
  }

  double figure(const std::string& job, std::string_view member) const
  {
    const auto told = m_world({"cost", job, "--json"});
    json::Document doc;
    REQUIRE(doc.parse(told.out));
    return std::stod(std::string{doc.root().find(member)->raw()});
  }

  const Rehearsal& world() const { return m_world; }

private:
  std::filesystem::path m_input;
  std::filesystem::path m_system;
  std::filesystem::path m_out;
  Rehearsal m_world;
};

bool says(const std::string& text, std::string_view words)
{
  return text.find(words) != std::string::npos;
}

} // namespace

TEST_SUITE_BEGIN("e2e::caching");

TEST_CASE(
    "the plan names real time where it is cheaper; both routes then cost what it said, and batches are said to be "
    "dearer")
{
  const FreshDirectory dir;
  const Reviews reviews{dir};
  const auto plan = reviews.run("submit", "plan", {"--dry-run"});
  CAPTURE(plan.err);
  CHECK(says(plan.err, "real time costs less here: about $0.1"));
  CHECK(says(plan.err, "have no cached price; --mode realtime takes it"));
  CHECK(reviews.world().ledger("requests_billed") == 0);

  REQUIRE(reviews.run("run", "live", {"--mode", "realtime"}).exit == 0);
  const auto ended = reviews.run("run", "batch", {});
  REQUIRE(ended.exit == 0);
  const auto live = reviews.figure("live", "spent_usd");
  const auto batch = reviews.figure("batch", "spent_usd");
  CHECK(live < batch);
  CHECK(reviews.figure("live", "estimated_usd") == doctest::Approx(live).epsilon(0.25));
  CHECK(reviews.figure("live", "saved_usd") == 0);
  CHECK(reviews.figure("batch", "saved_usd") < 0);
  CHECK(reviews.figure("batch", "saved_usd") == doctest::Approx(live - batch).epsilon(0.1));
  CHECK(says(ended.err, "more than real time would have cost"));
  CHECK(says(reviews.world()({"cost", "batch"}).out, "more than real time would have ($0."));
  CHECK(says(reviews.world()({"status", "batch"}).out, "more than real time would have cost"));

  const auto taught = reviews.run("submit", "next", {"--dry-run", "--requests-per-part", "7"});
  CHECK(says(taught.err, fmt::format("real time costs less here: about ${:.2f}, by batch ${:.2f}", live, batch)));
}

TEST_CASE("the first batch of several says how to finish for less, and finishing does cost less")
{
  const FreshDirectory dir;
  const Reviews reviews{dir};
  const auto ended = reviews.run("run", "batch", {"--requests-per-part", "20", "--enqueued-tokens", "90000"});
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  const auto told = ended.err.find("batch: what is left costs less in real time");
  REQUIRE(told != std::string::npos);
  CHECK(says(ended.err, "`batchwright finish batch` takes"));
  CHECK(ended.err.find("what is left costs less", told + 20) == std::string::npos);
}

TEST_CASE("of a model whose batches have a cached price batches stay the cheaper route")
{
  const FreshDirectory dir;
  const Reviews reviews{dir};
  const auto plan = reviews.run("submit", "plan", {"--dry-run"}, "gpt-5.4");
  CAPTURE(plan.err);
  CHECK_FALSE(says(plan.err, "real time costs less"));
  CHECK(says(plan.err, "by batch, if batches cache as much as real time does"));
}

TEST_CASE("consent by an amount covers the dearer route of a job that may go either way")
{
  const FreshDirectory dir;
  const Reviews reviews{dir};
  const auto with = [&](const std::string& name, const std::string& amount) {
    return reviews.world()({"submit",
                            (dir / "a.csv").native(),
                            "--name",
                            name,
                            "--model",
                            "gpt-4.1",
                            "--prompt",
                            "{{text}}",
                            "--system-file",
                            (dir / "system.txt").native(),
                            "--max-output-tokens",
                            "20",
                            "--probe",
                            "0",
                            "--fallback",
                            "realtime",
                            "--mode",
                            "hybrid",
                            "--max-cost",
                            amount});
  };
  CHECK(with("little", "0.18").exit == 64); // real time costs less, but batches come first
  CHECK(with("enough", "1").exit == 0);
}

TEST_SUITE_END();
