#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/retry.hpp>
#include <batchwright/engine/reuse.hpp>
#include <batchwright/engine/snapshot.hpp>
#include <batchwright/engine/space.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/requests/overrides.hpp>
#include <batchwright/results/select.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

namespace batchwright::engine {
namespace {

namespace fs = std::filesystem;

/// The items that will share parts, while they are found.
struct Group {
  Part kind = {}; ///< what they have in common
  Mark mark = {}; ///< at or before the first of them
  fs::path list = {};
  input::OrdinalWriter writer;
  std::uint64_t items = 0;
};

Part& part_of(std::vector<Part>& parts, int number)
{
  const auto found = std::find_if(parts.begin(), parts.end(), [number](const Part& p) { return p.number == number; });
  ensure(found != parts.end(), "outcomes belong to parts");
  return *found;
}

int next_number(const std::vector<Part>& parts)
{
  int highest = 0;
  for (const auto& p : parts)
    highest = std::max(highest, p.number);
  return highest + 1;
}

/// What the new parts of a part's items have in common.
Part kind_of(const Job& job, const Part& parent, const RetryAsk& ask)
{
  Part kind;
  kind.route = job.mode == Mode::realtime ? Route::realtime : Route::batch;
  kind.attempt = parent.attempt + 1;
  kind.endpoint = parent.endpoint;
  kind.inputs_per_request = parent.inputs_per_request;
  kind.model = ask.model.empty() ? parent.model : ask.model;
  kind.max_output_tokens = ask.max_output_tokens ? ask.max_output_tokens : parent.max_output_tokens;
  kind.set = ask.set.empty() ? parent.set : requests::joined_fields(ask.set);
  return kind;
}

/// The nearest place in the input that is known not to be behind an item.
Mark mark_before(const std::vector<Part>& parts, Ordinal ordinal)
{
  Mark nearest;
  for (const auto& p : parts) {
    if (p.mark.ordinal <= ordinal && p.mark.ordinal >= nearest.ordinal) nearest = p.mark;
  }
  return nearest;
}

/// Said before anything is looked for.
void check(const Job& job, const std::vector<Part>& parts, const RetryAsk& ask)
{
  if (job.cancel != Cancel::none && tally(job, parts).pending() > 0) {
    throw Error{Fault::unfinished, fmt::format("{} is being cancelled", job.name),
                fmt::format("`batchwright fetch {} --wait` brings that to its end; then retry", job.name)};
  }
  const bool has_overrides = !ask.model.empty() || ask.max_output_tokens || !ask.set.empty();
  if (is_ready_made(job) && has_overrides) {
    throw Error{Fault::usage,
                fmt::format("{} holds ready-made requests, which are sent as they are: --model, --max-output-tokens "
                            "and --set do not go with them",
                            job.name),
                "leave those options out, or submit other requests as a job of their own"};
  }
}

/// Finds what is meant, in one walk over the outcomes, and lists it by what will share parts.
class Finder {
public:
  Finder(Tools& tools, Retry& retry, std::vector<Part>& parts)
      : m_tools(tools), m_retry(retry), m_parts(parts), m_wanted(retry.job, retry.ask.where)
  {
  }

  std::vector<Group> run()
  {
    results::Walk walk{outcome_files(m_tools, m_retry.job, m_parts), m_retry.job.items};
    while (const auto* outcome = walk.next()) {
      if (outcome->status != Status::failed) continue;
      auto whole = *outcome;
      whole.answer = walk.line();
      if (m_wanted.has(whole)) take(whole);
    }
    for (auto& group : m_groups)
      group.writer.commit();
    return std::move(m_groups);
  }

private:
  /// What the outcomes of one part have in common.
  struct Origin {
    bool out_of_reach = false;
    std::size_t source = 0; // of the retry's sources
    std::size_t group = 0;
  };

  void take(const results::Outcome& outcome)
  {
    if (outcome.from->route == Route::reused && holds_copies(part_of(m_parts, outcome.from->part))) {
      ++m_retry.copies;
      return;
    }
    const auto& origin = origin_of(outcome.from->part);
    if (origin.out_of_reach) {
      ++m_retry.out_of_reach;
      return;
    }
    ++m_retry.sources[origin.source].items;
    auto& group = m_groups[origin.group];
    if (group.items++ == 0) group.mark = mark_before(m_parts, outcome.ordinal);
    group.writer.add(outcome.ordinal);
  }

  const Origin& origin_of(int number)
  {
    const auto [known, fresh] = m_origins.try_emplace(number);
    if (!fresh) return known->second;
    const auto& parent = part_of(m_parts, number);
    if (parent.state == PartState::abandoned) {
      known->second.out_of_reach = true;
    } else {
      known->second = {.source = m_retry.sources.size(), .group = group_for(parent)};
      m_retry.sources.push_back({.part = number});
    }
    return known->second;
  }

  std::size_t group_for(const Part& parent)
  {
    const auto kind = kind_of(m_retry.job, parent, m_retry.ask);
    // Ids of ready-made requests are unique in their file only.
    const auto input = is_ready_made(m_retry.job) ? parent.mark.input : 0;
    const auto known = std::find_if(m_groups.begin(), m_groups.end(), [&](const Group& group) {
      return group.kind == kind && (!is_ready_made(m_retry.job) || group.mark.input == input);
    });
    if (known != m_groups.end()) return static_cast<std::size_t>(known - m_groups.begin());
    const auto list = m_retry.lists->path() / fmt::format("group-{}", m_groups.size());
    m_groups.push_back({.kind = kind, .mark = {.input = input}, .list = list, .writer = input::OrdinalWriter{list}});
    return m_groups.size() - 1;
  }

  Tools& m_tools;
  Retry& m_retry;
  std::vector<Part>& m_parts;
  results::FailedItems m_wanted;
  std::vector<Group> m_groups = {};
  std::map<int, Origin> m_origins = {}; // by part
};

fs::path list_in(const Retry& retry, int number)
{
  return retry.lists->path() / fmt::format("{:04}", number);
}

/// The job in the service tier that the items are asked in.
Job asking(Job job, const Part& kind)
{
  if (is_ready_made(job)) return job;
  auto as_asked = job;
  as_asked.request = requests::spec_of(job, kind);
  job.request.service_tier = tier_asked(as_asked);
  return job;
}

/// Cuts the groups into parts, and adds up what they come to.
void cut(const Tools& tools, Retry& retry, const std::vector<Group>& groups, int number)
{
  auto& plan = retry.plan;
  for (const auto& group : groups) {
    if (group.items == 0) continue;
    auto like = group.kind;
    like.number = number;
    like.mark = group.mark;
    like.items = group.items;
    auto made = requests::cut(retry.job, like, group.list, [&](int n) { return list_in(retry, n); });
    number += static_cast<int>(made.size());
    for (auto& part : made) {
      plan.request_bytes += part.bytes;
      plan.items += part.items;
      plan.requests += part.requests;
      retry.parts.push_back(std::move(part));
    }
  }
  const auto raw = raw_work(retry.job, retry.parts);
  for (const auto& [model, work] : raw) {
    plan.model = raw.size() == 1 ? model : std::string{};
    retry.output_allowed += work.usage.output;
  }
  const auto kind = groups.empty() ? Part{} : groups.front().kind;
  const auto job = asking(retry.job, kind);
  const auto expected = forecast(tools, job, raw, kind);
  plan.estimate = estimate(tools, job, retry.parts, kind);
  plan.job = retry.job.name;
  plan.parts = retry.parts.size();
  plan.batch = cost_of_work(tools, job, expected.expected, Route::batch);
  plan.realtime = cost_of_work(tools, job, expected.expected, Route::realtime);
  plan.prices_as_of = tools.prices.as_of(main_model(retry.job, retry.parts));
  plan.has_given_price = retry.job.policy.input_price.has_value();
  plan.mode = retry.job.mode;
  plan.bounded_by = bounded_by(retry.job);
  plan.tier = tier_asked(job);
  plan.fallback = retry.job.policy.fallback;
  if (plan.mode == Mode::realtime) {
    plan.live_requests = plan.requests;
    plan.parts = 0;
  }
}

/// The part without the items that are meant; what remains of its outcomes stands in a file that is the part's once
/// this is committed.
Part without(Tools& tools, const Retry& retry, Part part, std::uint64_t expected)
{
  const auto from = outcome_files(tools, retry.job, {part});
  ensure(from.size() == 1, "a part that gives items back has outcomes");
  results::FailedItems wanted{retry.job, retry.ask.where};
  const auto before = part.outcome.left;
  ++part.outcomes_version;
  part.outcome =
      results::take_out(from.front(), tools.layout.job(retry.job.name).outcomes(part.number, part.outcomes_version),
                        part.outcome, [&](const results::Outcome& outcome) { return wanted.has(outcome); });
  ensure(part.outcome.left - before == expected, "what is sent again is what the user consented to");
  return part;
}

/// What the new parts bring, and the outcomes of parts that give items back, which are written anew.
std::uint64_t bytes_it_brings(const Tools& tools, const Retry& retry, std::vector<Part>& parts)
{
  auto sum = bytes_to_come(retry.job, retry.parts, retry.output_allowed);
  const auto files = tools.layout.job(retry.job.name);
  for (const auto& source : retry.sources)
    sum += fs::file_size(files.outcomes(source.part, part_of(parts, source.part).outcomes_version));
  return sum;
}

/// The job with what `retry` changes of it.
Job reopened(Job job, const Retry& retry)
{
  const auto& plan = retry.plan;
  if (job.pause == Pause::failures) {
    job.pause = Pause::none;
    job.message.clear();
  }
  job.handover.delivered_at.reset();
  job.handover.hook_begun_at.reset();
  job.switched_at.reset(); // that was of what was left then
  job.finish_has_cap = false;
  job.ended_at.reset();
  const auto& more = plan.estimate;
  const auto plus = [](const std::optional<PicoUsd>& a, const std::optional<PicoUsd>& b) {
    return a && b ? std::optional{*a + *b} : std::nullopt;
  };
  expect(job, {.cost = plus(job.estimated, more.cost),
               .low = plus(job.estimated_low, more.low),
               .high = plus(job.estimated_high, more.high)});
  return job;
}

} // namespace

Retry plan_retry(Tools& tools, const std::string& name, const RetryAsk& ask)
{
  Retry retry{.ask = ask, .job = known_job(tools, name)};
  require_input(retry.job, "sending items again");
  if (retry.job.standing == Standing::adopted) {
    throw Error{Fault::usage, fmt::format("{} took over batches made elsewhere, and may not send yet", name),
                fmt::format("`batchwright submit` the request file with --name {} lets it", name)};
  }
  auto parts = tools.store.parts(name);
  check(retry.job, parts, ask);
  retry.lists = std::make_unique<TemporaryDirectory>(tools.layout.job(name).directory(), "retry");
  const auto groups = Finder{tools, retry, parts}.run();
  if (retry.sources.empty() && retry.out_of_reach > 0) {
    throw Error{Fault::usage,
                fmt::format("{} failed items are meant, but batches of theirs were given up and may still answer them",
                            retry.out_of_reach),
                fmt::format("`batchwright fetch {}` collects what comes of those batches; then retry", name)};
  }
  input::Pins pins{retry.job.inputs};
  if (!retry.sources.empty()) {
    pins.hold([&] {
      cut(tools, retry, groups, next_number(parts));
      return true;
    });
  }
  if (ask.max_cost || retry.job.policy.max_cost) check_prices(tools, retry.job, retry.parts);
  return retry;
}

Unknown unknown_batches(Tools& tools, const std::string& name)
{
  Unknown unknown;
  if (known_job(tools, name).pause != Pause::unknown_submission) return unknown;
  for (const auto& part : tools.store.parts(name)) {
    if (part.state != PartState::creating) continue;
    unknown.parts.push_back(part.number);
    unknown.items += part.items;
  }
  return unknown;
}

void give_up_unknown(Tools& tools, const std::string& name, const Unknown& unknown)
{
  auto job = known_job(tools, name);
  auto parts = tools.store.parts(name);
  const auto is_meant = [&](int part) {
    return std::find(unknown.parts.begin(), unknown.parts.end(), part) != unknown.parts.end();
  };
  store::Transaction tx{tools.store};
  for (const auto number : unknown.parts) {
    auto& part = part_of(parts, number);
    move(part, PartEvent::batch_absent);
    part.due.reset();
    tx.put(name, part);
    tx.log(name, number, "creating -> queued: to be sent again, as the user says");
  }
  for (auto call : tools.store.calls(name, CallState::intended)) {
    if (call.kind != CallKind::create || !is_meant(call.part)) continue;
    call.state = CallState::abandoned;
    tx.put(name, call);
  }
  job.pause = Pause::none;
  job.message.clear();
  tx.update(job);
  tx.commit();
}

void begin_retry(Tools& tools, const Retry& retry)
{
  const auto& name = retry.job.name;
  const auto files = tools.layout.job(name);
  auto parts = tools.store.parts(name);
  check_space(tools, name, bytes_it_brings(tools, retry, parts));
  for (const auto& [number, items] : retry.sources) {
    auto& source = part_of(parts, number);
    source = without(tools, retry, source, items);
  }
  for (const auto& part : retry.parts)
    fs::rename(list_in(retry, part.number), files.ordinals(part.number));
  sync_directory(files.directory());

  auto job = reopened(retry.job, retry);
  store::Transaction tx{tools.store};
  if (retry.ask.max_cost) {
    job.policy.max_cost = retry.ask.max_cost;
    cap_from_now(tools, job, parts);
  }
  for (auto& part : parts) {
    part.failed_for_good = 0;
    if (holds_copies(part) && part.outcome.failed > 0) reopen(part);
    tx.put(name, part);
  }
  for (const auto& part : retry.parts)
    tx.put(name, part);
  tx.update(job);
  tx.fetched(name, std::nullopt);
  if (retry.job.cancel != Cancel::none) tx.take_back_cancel(name);
  tx.log(name, 0, fmt::format("retry: {} items in {} parts", retry.plan.items, retry.parts.size()));
  tx.commit();
  retire_outcomes(parts, files);
}

} // namespace batchwright::engine
