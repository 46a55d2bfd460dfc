#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>

#include <filesystem>

namespace batchwright::engine {
namespace {

/// Packs hide the ids of their items, and ready-made lines have ids of their own: then they stand in a list.
bool lists_ids(const Job& job)
{
  const auto& spec = job.request;
  return (!spec.id_column.empty() && spec.inputs_per_request > 1) || is_ready_made(job);
}

} // namespace

results::SettleFiles settle_files(const Job& job, const Part& p, const store::JobLayout& files)
{
  return {.output = files.output(p.number),
          .errors = files.errors(p.number),
          .batch = failed_as_a_whole(p) ? files.batch(p.number) : std::filesystem::path{},
          .requests = files.requests(p.number),
          .ids = lists_ids(job) ? files.ids(p.number) : std::filesystem::path{},
          .ordinals = files.ordinals(p.number),
          .outcomes = files.outcomes(p.number, p.outcomes_version),
          .left = files.left(p.number),
          .left_free = files.left_free(p.number),
          .left_halved = files.left_halved(p.number),
          .quarantine = files.quarantine(p.number)};
}

bool has_ids(const Job& job, const results::SettleFiles& files)
{
  return !has_user_ids(job) || std::filesystem::exists(files.ids.empty() ? files.requests : files.ids);
}

results::SettleContext settle_context(const Tools& tools, const Job& job, const Part& p)
{
  return {.user_ids = is_ready_made(job) || (has_user_ids(job) && !lists_ids(job)),
          .endpoint = endpoint_of(job, p),
          .prices = prices_of(tools, job, model_of(job, p)),
          .day = day_of(p.remote.ended_at.value_or(tools.clock.now())),
          .schema = job.request.schema,
          .policy = job.policy,
          .lost = p.gone_since.has_value()};
}

} // namespace batchwright::engine
