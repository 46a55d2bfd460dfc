#include "tests/support/arena.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace tests {

namespace bw = batchwright;

Process::Process(const std::filesystem::path& root, const std::string& base_url, const std::string& key)
    : layout(root),
      store((layout.prepare(), layout.database())),
      tools{store, layout, bw::money::built_in_table(), bw::wire::openai(), bw::system_clock(), interrupt, recorder},
      plain(
          bw::http::open({.base_url = base_url, .key = bw::Secret{key}, .user_agent = "batchwright-tests"}, interrupt)),
      retrying(bw::http::retrying(*plain, {}, bw::http::sleep_unless(interrupt))),
      client(*retrying, *plain, bw::wire::openai()),
      server{client, base_url + "|" + key, base_url}
{
}

bw::engine::Tools Process::tools_with(const bw::Clock& clock)
{
  return {store, layout, tools.prices, tools.profile, clock, interrupt, recorder};
}

std::string Process::make(const bw::engine::Ask& ask)
{
  auto with_account = ask;
  with_account.job.account = server.account;
  with_account.job.base_url = server.base_url;
  const auto draft = bw::engine::draft(tools, with_account);
  bw::engine::found(tools, draft);
  return draft.job.name;
}

bw::JobView Process::advance(const std::string& job, bw::engine::Until until, bw::engine::Sending sending)
{
  const bw::engine::Goal goal{.until = until, .sending = sending, .every = bw::Millis{20}};
  return bw::engine::advance(tools, server, job, goal);
}

std::string Process::merged(const std::string& job, bw::results::Format format, bw::results::Pending pending)
{
  std::string text;
  bw::engine::merge(tools, job, {.format = format, .pending = pending}, [&](std::string_view bytes) { text += bytes; });
  return text;
}

Arena::Arena(bw::emulator::Faults faults) : server({.faults = std::move(faults), .seed = 11}) {}

bw::engine::Ask Arena::ask(int items, std::uint64_t requests_per_part)
{
  std::string csv = "id,text\n";
  for (int i = 0; i < items; ++i)
    csv += fmt::format("r{},\"text {} with a \"\"quote\"\", a comma and é\"\n", i, i);
  bw::engine::Ask ask;
  ask.inputs = {directory.file("rows.csv", csv).native()};
  ask.job.request.model = "gpt-5.4-mini";
  ask.job.request.prompt = "Say it again: {{text}}";
  ask.job.limits = {.requests = requests_per_part, .bytes = 190'000'000};
  return ask;
}

std::int64_t Arena::ledger(std::string_view total)
{
  const auto text = server.ledger();
  bw::json::Document doc;
  REQUIRE(doc.parse(text));
  const auto value = doc.root().find(total);
  REQUIRE(value);
  return value->integer().value_or(-1);
}

} // namespace tests
