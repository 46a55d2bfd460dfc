#include "tests/support/fresh_directory.hpp"

#include <batchwright/results/billing.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

using namespace batchwright;
using results::JournalBilling;

namespace {

/// An answer that took 100,000 tokens of input and so many thousands of output.
std::string answer(int thousands, const std::string& tier = "default")
{
  return fmt::format(
      R"({{"custom_id":"bw-1","response":{{"status_code":200,"body":{{"object":"chat.completion","service_tier":"{}",)"
      R"("choices":[{{"message":{{"content":"x"}},"finish_reason":"stop"}}],)"
      R"("usage":{{"prompt_tokens":100000,"completion_tokens":{},"total_tokens":1}}}}}}}})",
      tier, thousands * 1'000);
}

struct World {
  World()
  {
    part.route = Route::realtime;
    part.items = part.requests = 10;
    context.endpoint = "/v1/chat/completions";
    context.prices = *money::built_in_table().find("gpt-5.4"); // 2.50 and 15 dollars for a million
  }
  void write(const std::string& bytes) { std::ofstream{journal, std::ios::app} << bytes; }

  tests::FreshDirectory directory = {};
  std::filesystem::path journal = directory / "journal.jsonl";
  Part part = {};
  results::SettleContext context = {};
};

constexpr std::int64_t cent = 10'000'000'000;

} // namespace

TEST_SUITE_BEGIN("results::billing");

TEST_CASE("a journal is read on as it grows: whole lines, each once, by whoever goes on")
{
  World world;
  JournalBilling billing{world.part, world.journal, world.context};
  billing.read_on(); // there is none yet
  CHECK(billing.added_to({}) == SoFar{});

  world.write(answer(10) + "\n");
  billing.read_on();
  billing.read_on();
  const auto one = billing.added_to({});
  CHECK(one.spent == PicoUsd{40 * cent});
  CHECK(one.realtime == one.spent);
  CHECK(one.bytes == std::filesystem::file_size(world.journal));

  const auto second = answer(20) + "\n";
  world.write(second.substr(0, 40)); // it is being written
  billing.read_on();
  CHECK(billing.added_to({}) == one);
  world.write(second.substr(40));
  billing.read_on();
  const auto both = billing.added_to({});
  CHECK(both.spent == PicoUsd{(40 + 55) * cent});

  JournalBilling next{world.part, world.journal, world.context, one.bytes}; // of a process that comes later
  next.read_on();
  CHECK(next.added_to(one) == both);
  REQUIRE(next.rows().size() == 1);
  CHECK(next.rows().front().items == 1);
}

TEST_CASE("what has no known price is told as not known")
{
  World world;
  world.write(answer(10) + "\n" + answer(10, "priority") + "\n");
  JournalBilling billing{world.part, world.journal, world.context};
  billing.read_on();
  CHECK_FALSE(billing.added_to({}).priced);
  CHECK(billing.added_to({}).realtime == PicoUsd{2 * 40 * cent});
  world.context.prices.reset();
  JournalBilling unknown{world.part, world.journal, world.context};
  unknown.read_on();
  CHECK_FALSE(unknown.added_to({}).priced);
  CHECK(unknown.added_to({}).spent == PicoUsd{});
}

TEST_SUITE_END();
