#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/continuing.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/spec.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace batchwright::engine {
namespace {

constexpr int most_made_names = 1000;

/// Those that were met are over and done with. So are those of items that were tried first, where none is to be tried.
void go_on_after_failures(std::vector<Part>& parts, bool other_bound, bool has_probe)
{
  const bool probe_failed = tally_of_probe(parts).has_failed();
  for (auto& part : parts) {
    const bool is_over = probe_failed && is_probe(part) ? !has_probe : other_bound;
    if (is_over) part.failed_for_good = 0;
  }
}

} // namespace

std::optional<Job> same_job(Tools& tools, Job& made, bool given_name)
{
  const auto base = made.name;
  for (int serial = 1; serial < most_made_names; ++serial) {
    if (serial > 1) {
      const auto suffix = fmt::format("-{}", serial);
      made.name = base.substr(0, 40 - suffix.size()) + suffix;
    }
    auto known = tools.store.job(made.name);
    if (!known) return std::nullopt;
    const auto differ = differences(*known, made);
    if (differ.empty()) return known;
    if (given_name) {
      throw Error{Fault::usage,
                  fmt::format("there is a job {} already, and it differs in {}", made.name, fmt::join(differ, ", ")),
                  "choose another --name, or repeat the options of that job to continue it"};
    }
  }
  throw Error{Fault::usage, fmt::format("there are too many jobs named after {}", base), "choose a --name"};
}

void take_over(Job& known, const Job& asked)
{
  const auto before = std::exchange(known.policy, asked.policy);
  if (!asked.policy.max_cost) { // a cap is not lifted by leaving it out
    known.policy.max_cost = before.max_cost;
    known.policy.strict_cap = before.strict_cap;
  } else {
    known.finish_has_cap = false; // it is one of the whole job
  }
  if (!asked.policy.input_price) {
    known.policy.input_price = before.input_price;
    known.policy.output_price = before.output_price;
  }
  if (known.switched_at) known.policy.fallback = Fallback::realtime; // as was consented to by `finish`
  known.mode = asked.mode;
  for (std::size_t i = 0; i < asked.inputs.size(); ++i) { // equal in content; the file may have moved
    auto columns = std::move(known.inputs[i].columns);    // which were read when it was planned
    if (asked.inputs[i].spooled || !known.inputs[i].spooled) known.inputs[i] = asked.inputs[i];
    if (known.inputs[i].columns.empty()) known.inputs[i].columns = std::move(columns);
  }
  auto& handover = known.handover;
  if (!asked.handover.out.empty()) { // asked for now: written even where it was written before
    handover.out = asked.handover.out;
    handover.delivered_at.reset();
  }
  if (!asked.handover.on_done.empty() && asked.handover.on_done != handover.on_done) {
    handover.on_done = asked.handover.on_done;
    handover.hook_begun_at.reset();
  }
}

void take_over_parts(Tools& tools, store::Transaction& tx, const Job& job, const Policy& before, const Draft& draft)
{
  const auto& asked = draft.asked.policy;
  const bool has_new_prices =
      asked.input_price && (before.input_price != asked.input_price || before.output_price != asked.output_price);
  auto parts = tools.store.parts(job.name);
  if (has_new_prices) price_again(tools, tx, job, parts);
  if (asked.max_cost) cap_from_start(tools, job, parts);
  go_on_after_failures(parts, before.stop_on_failures != job.policy.stop_on_failures, draft.has_probe);
  for (const auto& part : parts)
    tx.put(job.name, part);
}

} // namespace batchwright::engine
