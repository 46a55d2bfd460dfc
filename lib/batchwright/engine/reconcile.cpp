#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/reconcile.hpp>
#include <batchwright/model/model_name.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::engine {
namespace {

constexpr std::chrono::days one_day{1};
/// What was used late on a day may be told so much later.
constexpr std::chrono::hours told_late{6};

/// How many requests some of a part's items came in; nothing where only the items are known.
std::optional<std::int64_t> requests_of(const Part& part, const Spending& spent)
{
  if (spent.requests > 0) return static_cast<std::int64_t>(spent.requests);
  if (part.requests == part.items) return static_cast<std::int64_t>(spent.items);
  if (spent.items == part.items) return static_cast<std::int64_t>(part.requests);
  return std::nullopt;
}

void add(OurAccount& account, const Job& job, const Part& part, const Spending& spent)
{
  if (part.route == Route::reused) return; // nothing of it was used
  const auto kind = wire::usage_kind(endpoint_of(job, part));
  if (!kind) {
    account.not_compared[job.name] += spent.items;
    return;
  }
  UsageGroup group{.day = spent.day, .model = std::string{shared_name(model_of(job, part))}, .kind = *kind};
  if (kind == wire::UsageKind::completions) group.batch = part.route == Route::batch;
  auto& sum = account.groups[group];
  sum.used += {.requests = requests_of(part, spent), .input = spent.usage.input, .output = spent.usage.output};
  sum.holds_calls = sum.holds_calls || part.route == Route::realtime;
  sum.jobs.insert(job.name);
}

bool has_tokens(const Used& used)
{
  return used.input.n > 0 || used.output.n > 0;
}

bool covers_tokens(const Used& provider, const Used& ours)
{
  return provider.input >= ours.input && provider.output >= ours.output;
}

bool covers(const Used& provider, const Used& ours)
{
  return covers_tokens(provider, ours) && (!ours.requests || provider.requests >= ours.requests);
}

bool equal(const Used& provider, const Used& ours)
{
  return covers(provider, ours) &&
         covers(ours, {ours.requests ? provider.requests : std::nullopt, provider.input, provider.output});
}

/// A group's figures of its day; nothing was used where there are none.
Used at(const std::map<UsageGroup, Used>& figures, const UsageGroup& group)
{
  const auto found = figures.find(group);
  return found == figures.end() ? Used{} : found->second;
}

/// Those of its day, the day before and the day after.
Used around(const std::map<UsageGroup, Used>& figures, UsageGroup group)
{
  Used sum = at(figures, group);
  group.day -= one_day;
  sum += at(figures, group);
  group.day += 2 * one_day;
  return sum += at(figures, group);
}

/// Our figures alone.
std::map<UsageGroup, Used> used(const OurAccount& account)
{
  std::map<UsageGroup, Used> figures;
  for (const auto& [group, ours] : account.groups)
    figures[group] = ours.used;
  return figures;
}

bool is_of(const Job& job, const Scope& scope, const std::string& account)
{
  return job.base_url == scope.base_url && job.account == account;
}

/// The jobs that are summed up.
std::vector<Job> jobs_of(Tools& tools, const Scope& scope)
{
  auto account = scope.account;
  if (!scope.job.empty()) {
    const auto job = known_job(tools, scope.job);
    if (job.base_url != scope.base_url) {
      throw Error{Fault::config, fmt::format("{} belongs to {}, not to {}", job.name, job.base_url, scope.base_url),
                  "set OPENAI_BASE_URL, or choose a --profile, to ask the server that ran it"};
    }
    account = job.account;
  }
  auto jobs = tools.store.jobs();
  std::erase_if(jobs, [&](const Job& j) { return !is_of(j, scope, account); });
  return jobs;
}

[[noreturn]] void refuse(const api::Reply<std::vector<wire::UsageRow>>& reply)
{
  const auto what = fmt::format("reading the organisation's usage: {}", reply.trouble);
  if (reply.status == 401 || reply.status == 403) {
    throw Error{
        Fault::auth, what,
        "OPENAI_ADMIN_KEY takes an admin key of the organisation, which is none of the keys that send requests"};
  }
  if (reply.ending == api::Ending::refused)
    throw Error{Fault::rejected, what,
                "only OpenAI's own API is known to tell usage; OPENAI_BASE_URL says who is asked"};
  throw Error{Fault::network, what, "the same command later asks again; nothing was changed"};
}

struct Providers {
  std::map<UsageGroup, Used> figures = {};
  std::optional<Instant> told_at = {}; ///< by the server's clock
};

void ask(api::UsageReader& provider, const wire::UsageSpan& span, Providers& to)
{
  const auto reply = provider.read(span);
  if (!reply.ok()) refuse(reply);
  if (reply.server_time) to.told_at = reply.server_time;
  const bool knows_routes = span.kind == wire::UsageKind::completions;
  for (const auto& row : reply.value) {
    if (row.batch.has_value() != knows_routes) {
      throw Error{Fault::rejected, "the server does not tell batches from other requests in the organisation's usage",
                  "only OpenAI's own API is known to; OPENAI_BASE_URL says who is asked"};
    }
    const UsageGroup group{
        .day = day_of(row.day), .model = std::string{shared_name(row.model)}, .batch = row.batch, .kind = span.kind};
    to.figures[group] += {.requests = row.requests, .input = row.input, .output = row.output};
  }
}

/// The days of one kind that are compared, with the day before and the day after; nothing: none is.
std::optional<wire::UsageSpan> span_of(const OurAccount& account, wire::UsageKind kind, const Scope& scope, Instant now)
{
  std::optional<wire::UsageSpan> span;
  Instant last;
  for (const auto& [group, ours] : account.groups) {
    if (group.kind != kind || (!scope.job.empty() && !ours.jobs.contains(scope.job))) continue;
    if (!span) span = wire::UsageSpan{.kind = kind, .from = group.day - one_day}; // groups come by day
    last = group.day;
  }
  const auto to = last + 2 * one_day;
  if (span && to < now) span->to = to;
  return span;
}

} // namespace

OurAccount account_of(Tools& tools, const std::vector<Job>& jobs)
{
  OurAccount account;
  for (const auto& job : jobs) {
    const auto parts = tools.store.parts(job.name);
    auto part = parts.begin();
    for (const auto& spent : spending_of(tools, job, parts)) { // by part, as the parts are
      part = std::find_if(part, parts.end(), [&](const Part& p) { return p.number == spent.part; });
      add(account, job, *part, spent);
    }
  }
  return account;
}

Reconciliation compare(const OurAccount& ours, const std::map<UsageGroup, Used>& providers, Instant today,
                       const std::string& job)
{
  Reconciliation result;
  for (const auto& [name, items] : ours.not_compared)
    if (job.empty() || name == job) result.not_compared += items;
  const auto figures = used(ours);
  const auto comparison_of = [&](const UsageGroup& group, const OurUsage& of_ours, const Used& theirs) {
    if (equal(theirs, of_ours.used)) return Comparison::equal;
    if (covers(theirs, of_ours.used)) return Comparison::more;
    if (group.day >= today) return Comparison::not_reported;
    if (covers(around(providers, group), around(figures, group))) return Comparison::another_day;
    const bool only_requests = has_tokens(of_ours.used) && covers_tokens(theirs, of_ours.used);
    return of_ours.holds_calls && only_requests ? Comparison::lost_answers : Comparison::fewer;
  };
  for (const auto& [group, of_ours] : ours.groups) {
    if (!job.empty() && !of_ours.jobs.contains(job)) continue;
    const auto theirs = at(providers, group);
    result.rows.push_back({.day = group.day,
                           .model = group.model,
                           .batch = group.batch,
                           .ours = of_ours.used,
                           .provider = theirs,
                           .comparison = comparison_of(group, of_ours, theirs),
                           .holds_others = !job.empty() && of_ours.jobs.size() > 1});
  }
  return result;
}

Reconciliation reconcile(Tools& tools, api::UsageReader& provider, const Scope& scope)
{
  const auto ours = account_of(tools, jobs_of(tools, scope));
  Providers providers;
  for (const auto kind : {wire::UsageKind::completions, wire::UsageKind::embeddings}) {
    if (const auto span = span_of(ours, kind, scope, tools.clock.now())) ask(provider, *span, providers);
  }
  return compare(ours, providers.figures, day_of(providers.told_at.value_or(tools.clock.now()) - told_late), scope.job);
}

} // namespace batchwright::engine
