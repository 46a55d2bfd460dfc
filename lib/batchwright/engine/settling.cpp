#include <batchwright/base/files.hpp>
#include <batchwright/base/frames.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>

#include <filesystem>

namespace batchwright::engine {

results::SettleFiles settle_files(const Job& job, const Part& p, const store::JobLayout& files)
{
  return {.output = store::as_it_stands(files.output(p.number)),
          .errors = store::as_it_stands(files.errors(p.number)),
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
  return {.user_ids = sends_user_ids(job),
          .endpoint = endpoint_of(job, p),
          .prices = prices_of(tools, job, model_of(job, p)),
          .day = day_of(p.remote.ended_at.value_or(tools.clock.now())),
          .schema = job.request.schema,
          .policy = job.policy,
          .lost = p.gone_since.has_value()};
}

results::JournalBilling billing_of(const Tools& tools, const Job& job, const Part& p)
{
  const auto journal = store::as_it_stands(tools.layout.job(job.name).output(p.number));
  return {p, journal, settle_context(tools, job, p)};
}

void discard_uploaded(const Job& job, const Part& p, const store::JobLayout& files)
{
  const bool is_there = p.route == Route::batch && !p.file.empty();
  if (job.compress && is_there && !job.policy.keep_requests) discard_file(files.requests(p.number));
}

void forget_file(Part& p, const store::JobLayout& files)
{
  p.file = {};
  p.file_created_at.reset();
  if (!std::filesystem::exists(files.requests(p.number))) p.sha256.clear();
}

std::filesystem::path pack_journal(const Part& p, const store::JobLayout& files)
{
  const auto journal = files.output(p.number);
  auto to = store::packed(journal);
  if (!std::filesystem::exists(journal)) return to;
  const bool is_packed = std::filesystem::exists(to) && FramedFile{to}.size() == std::filesystem::file_size(journal);
  if (!is_packed) pack_file(journal, to);
  discard_packed_journal(p, files);
  return to;
}

void discard_packed_journal(const Part& p, const store::JobLayout& files)
{
  const auto journal = files.output(p.number);
  const bool stand_both = std::filesystem::exists(journal) && std::filesystem::exists(store::packed(journal));
  if (!stand_both) return;
  if (const auto alone = DirectoryHold::try_alone(files.directory())) discard_file(journal);
}

} // namespace batchwright::engine
