// Making a job: inputs pinned, all of them read, parts cut, the cost estimated; nothing sent, nothing written until the
// user consents.

#include <batchwright/base/files.hpp>
#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/caching.hpp>
#include <batchwright/engine/clean.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/rebuild.hpp>
#include <batchwright/engine/recover.hpp>
#include <batchwright/engine/space.hpp>
#include <batchwright/engine/spec.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/input/spool.hpp>
#include <batchwright/results/answer_schema.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace batchwright::engine {
namespace {

constexpr int most_made_names = 1000;
constexpr auto piped_name = "stdin";

/// The job that `made` continues or becomes: an equal one of its name, or none of its name. A made name moves on to the
/// next free number; a given name must fit.
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

/// What an input is called: as the user wrote it; a folder may stand there as `.` or with a slash behind it.
std::string name_of(const std::string& given, const PinnedInput& pinned)
{
  if (pinned.spooled) return piped_name;
  return std::filesystem::path{pinned.format == InputFormat::files ? pinned.path : given}.filename().native();
}

/// The parts that an input was first cut into; of those that were cut or joined since, the ones that took over.
std::vector<Part> first_parts(std::vector<Part> parts)
{
  std::erase_if(parts, [](const Part& p) { return p.attempt > 1 || p.born_at || p.state == PartState::superseded; });
  return parts;
}

/// What is expected of it, by what is known of the prompt.
void reckon(Draft& draft, const Tools& tools)
{
  auto raw = raw_work(draft.job, first_parts(draft.parts));
  for (const auto& [model, shared] : draft.shared)
    raw.by_model[model].shared = shared.beginning;
  const auto expected = forecast(tools, draft.job, raw);
  draft.by_model = expected.expected;
  draft.estimate = estimate(tools, draft.job, expected, share_in_realtime(draft.parts));
  draft.output_allowed = {};
  for (const auto& [model, work] : raw.by_model)
    draft.output_allowed += work.usage.output;
}

/// The model and endpoint of a job of ready-made requests, where all of them have the same; else none.
void name_common(Job& job, const std::vector<Part>& parts)
{
  const auto common = [&](std::string Part::*member) {
    const auto same = [&](const Part& p) { return p.*member == parts.front().*member; };
    return !parts.empty() && std::all_of(parts.begin(), parts.end(), same) ? parts.front().*member : std::string{};
  };
  job.request.model = common(&Part::model);
  job.request.endpoint = common(&Part::endpoint);
}

/// What a repeated submit takes over from its command line.
void take_over(Job& known, const Job& asked)
{
  const auto before = std::exchange(known.policy, asked.policy);
  if (!asked.policy.max_cost) { // a cap is not lifted by leaving it out
    known.policy.max_cost = before.max_cost;
    known.policy.strict_cap = before.strict_cap;
  }
  if (!asked.policy.input_price) {
    known.policy.input_price = before.input_price;
    known.policy.output_price = before.output_price;
  }
  if (known.switched_at) known.policy.fallback = Fallback::realtime; // as was consented to by `finish`
  known.mode = asked.mode;
  for (std::size_t i = 0; i < asked.inputs.size(); ++i) { // equal in content; the file may have moved
    if (asked.inputs[i].spooled || !known.inputs[i].spooled) known.inputs[i] = asked.inputs[i];
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

PinnedInput spooled(Draft& made, Tools& tools, const Ask& ask)
{
  if (made.spooled) {
    throw Error{Fault::usage, "INPUT - stands twice: there is one standard input", "name a file, or pipe all of it"};
  }
  made.spooled = std::make_unique<UnnamedFile>(tools.layout.root());
  const auto& name = made.job.name.empty() ? std::string{piped_name} : made.job.name;
  input::spool(ask.pipe, *made.spooled, tools.interrupt, [&](std::uint64_t bytes) {
    tools.observer.on(Progress{Phase::reading, name, 0, bytes, 0});
  });
  return input::pin_spooled(*made.spooled, ask.format, ask.empty);
}

void check_schema(const std::string& schema)
{
  try {
    const results::AnswerSchema checked{schema};
  } catch (const Error& e) {
    throw e.in("reading --schema");
  }
}

/// Ready-made requests go with no other input, and with no option that makes requests.
void check_kinds(const Job& job)
{
  const auto is_requests = [](const PinnedInput& input) { return input.format == InputFormat::requests; };
  const auto odd = std::find_if_not(job.inputs.begin(), job.inputs.end(), is_requests);
  if (odd == job.inputs.end()) {
    if (job.request == RequestSpec{.endpoint = {}, .inputs_per_request = 0}) return;
    throw Error{Fault::usage,
                fmt::format("{} holds ready-made requests, which are sent as they are: options that make requests "
                            "(--model, --prompt, --set and the like) do not go with them",
                            job.inputs.front().path),
                "leave those options out; or, where these are records and no requests: --input-format jsonl"};
  }
  if (std::any_of(job.inputs.begin(), job.inputs.end(), is_requests)) {
    throw Error{Fault::usage, fmt::format("{} is no file of ready-made requests, as others are", odd->path),
                "submit ready-made requests as a job of their own"};
  }
}

std::uint64_t urgent_items(const Draft& draft)
{
  std::uint64_t items = 0;
  for (const auto& p : draft.parts)
    items += p.pick == Pick::urgent ? p.items : 0;
  return items;
}

/// Where batches are not worth their wait. It is only said: nothing changes by itself.
std::string advice(const Tools& tools, const Draft& draft)
{
  constexpr PicoUsd little{1'000'000'000'000}; // a dollar
  const bool sends = draft.job.items > never_sent(draft.parts);
  if (draft.job.mode == Mode::realtime || draft.continues || draft.job.told_live_is_cheaper || !sends) return {};
  const auto batch = cost_of_work(tools, draft.job, draft.by_model, Route::batch);
  const auto live = cost_of_work(tools, draft.job, draft.by_model, Route::realtime);
  constexpr Millis short_time{1'800'000};
  if (draft.time_for_batches && *draft.time_for_batches < short_time)
    return "the deadline leaves batches too little time to bring much; --mode realtime does it now";
  if (batch && live && (*live - *batch).n < little.n)
    return "batches save less than $1.00 here and may take a day; --mode realtime does it now";
  return {};
}

/// The two routes of a new job.
std::optional<RouteCosts> routes_of(const Tools& tools, const Draft& draft)
{
  return draft.continues ? std::nullopt : route_costs(tools, draft.job, draft.by_model);
}

bool is_live_cheaper(const Draft& draft, const std::optional<RouteCosts>& routes)
{
  return draft.job.mode != Mode::realtime && routes && routes->is_live_cheaper();
}

/// How often the queue at the server is to be filled with what goes by batch; where no limit of it is known, only how
/// much that is.
Fills fills_of(const Draft& made, Tools& tools)
{
  Fills fills;
  for (const auto& p : made.parts)
    fills.tokens += p.route == Route::batch && !has_outcomes(p.state) ? input_of(tools, made.job, p).n : 0;
  const auto known = tools.store.queue(made.job.account, main_model(made.job, made.parts));
  const auto given = static_cast<std::int64_t>(made.job.policy.enqueued_tokens);
  fills.limit = given > 0 ? given : known.own_tokens.value_or(known.named_tokens.value_or(0));
  return fills;
}

/// How long the job that is drafted takes in real time, and what a deadline means for it.
void look_ahead(Draft& made, Tools& tools)
{
  const auto seen = tools.store.rate(made.job.account, main_model(made.job, made.parts));
  made.drafted_at = tools.clock.now();
  made.fills = fills_of(made, tools);
  made.rest = span_in_realtime(rest_of(made.job, made.parts), made.job.policy.realtime, seen);
  if (!made.job.switched_at) made.leaving = switch_of(made.job, made.parts, seen, Millis{1'000}, made.drafted_at);
  if (made.leaving) made.time_for_batches = made.leaving->at - made.drafted_at;
}

/// Parts of what is not sent, behind the others.
void add_unsent(Draft& made)
{
  auto number = static_cast<int>(made.parts.size());
  for (auto& group : made.reuse.groups) {
    group.part.number = ++number;
    made.parts.push_back(group.part);
  }
}

void plan(Draft& made, Tools& tools, input::Empty empty, requests::ProbeAsk probe = {}, const ReuseAsk& reuse = {})
{
  Job& job = made.job;
  const auto on_read = [&](std::uint64_t bytes, std::uint64_t total, std::uint64_t) {
    tools.observer.on(Progress{Phase::reading, job.name, 0, bytes, total});
    if (tools.interrupt.asked()) throw Error{Fault::interrupted, "stopped while reading the input; nothing was sent"};
  };
  if (reuse.is_any()) {
    made.reuse = find_reuse(tools, job, reuse, on_read);
    probe.sent = made.reuse.of - made.reuse.items.size();
  }
  auto plan = requests::plan(job, on_read, empty, probe, made.reuse.items);
  input::Pins pins{job.inputs};
  pins.check(); // what was planned is what was digested
  job.inputs = pins.inputs();
  job.items = plan.items;
  job.probe = std::move(plan.probe);
  made.parts = std::move(plan.parts);
  add_unsent(made);
  made.request_bytes = plan.bytes;
  made.urgent = std::move(plan.urgent);
  made.skipped = std::move(plan.skipped);
  made.skipped_count = plan.skipped_count;
  if (is_ready_made(job)) name_common(job, made.parts);
  made.shared = std::move(plan.shared);
  reckon(made, tools);
}

/// Figures of all items become about those of a share of them.
void scale(Draft& draft, double share)
{
  const auto part_of = [share](auto n) { return static_cast<decltype(n)>(static_cast<double>(n) * share); };
  auto& e = draft.estimate;
  for (auto* tokens : {&e.input, &e.output, &draft.output_allowed})
    tokens->n = part_of(tokens->n);
  for (auto* cost : {&e.cost, &e.low, &e.high, &e.worst}) {
    if (*cost) *cost = PicoUsd{part_of((*cost)->n)};
  }
  draft.request_bytes = part_of(draft.request_bytes);
  for (auto& [model, work] : draft.by_model) {
    const auto& use = work.usage;
    const auto cache = [&](const CacheUse& all) {
      return CacheUse{.read = {part_of(all.read.n)}, .written = {part_of(all.written.n)}};
    };
    work = {.usage = {.input = {part_of(use.input.n)}, .output = {part_of(use.output.n)}},
            .requests = part_of(work.requests),
            .batch = cache(work.batch),
            .live = cache(work.live)};
  }
}

/// Which items the parts of ready-made files of several models hold only their building would tell.
void refuse_mixed(const std::vector<Part>& planned, const std::vector<Part>& known)
{
  if (std::all_of(planned.begin(), planned.end(), is_range)) return;
  std::string ids;
  for (const auto& p : known)
    ids += p.batch.empty() ? "" : " " + p.batch.str();
  throw Error{
      Fault::config, "requests of several models are mixed in the input, and the job was rebuilt without it",
      fmt::format("`batchwright adopt --requests FILE{}` takes its batches over with the file, once `batchwright "
                  "clean --local --force` has removed this job",
                  ids)};
}

/// The same input again, for a job that was rebuilt from the server or took batches over: with what is asked now, it is
/// that job.
void resume(Draft& made, Tools& tools, const Job& known, input::Empty empty)
{
  Job& job = made.job;
  const auto urgent =
      std::exchange(job.urgent, {}); // which of them are at the server, or came home, is past finding out
  plan(made, tools, empty);
  job.urgent = urgent;
  if (job.items != known.items) {
    throw Error{Fault::usage,
                fmt::format("the input comes to {} items, and the job {} has {}", job.items, job.name, known.items),
                "give the same input and the same --skip-bad as then"};
  }
  job.uuid = known.uuid;
  job.created_at = known.created_at;
  job.standing = known.standing;
  job.cancel = known.cancel;
  job.account = known.account;
  job.base_url = known.base_url;
  job.estimated = cost_of_work(tools, job, made.by_model, Route::batch);
  made.planned = std::exchange(made.parts, tools.store.parts(job.name));
  if (!knows_input(known)) refuse_mixed(made.planned, made.parts);
  made.unsent = unsent(made.parts);
  made.pending = tally(known, made.parts).pending();
  scale(made, static_cast<double>(made.unsent) / static_cast<double>(std::max<std::uint64_t>(1, job.items)));
  made.asked = job;
  made.continues = made.needs_consent = true;
}

void check(const Ask& ask, const wire::Profile& profile)
{
  const auto& limits = ask.job.limits;
  if (ask.inputs.empty()) throw Error{Fault::usage, "no input is named"};
  if (!ask.job.name.empty() && !is_job_name(ask.job.name))
    throw Error{Fault::usage, fmt::format("{}: not a job name", ask.job.name)};
  if (limits.requests > profile.requests_per_file || limits.bytes > profile.bytes_per_file)
    throw Error{Fault::usage,
                fmt::format("parts of {} requests and {} bytes: the API allows at most {} and {}", limits.requests,
                            limits.bytes, profile.requests_per_file, profile.bytes_per_file)};
}

/// Fills in what the user left open, where it can be.
void complete(Job& job, const wire::Profile& profile)
{
  if (job.limits.requests == 0) job.limits.requests = profile.requests_per_file;
  if (job.limits.bytes == 0) job.limits.bytes = profile.default_bytes_per_part;
  if (is_ready_made(job)) return;
  auto& request = job.request;
  requests::complete(request);
  if (!request.body.empty()) return;
  if (request.model.empty()) throw Error{Fault::usage, "no model is named", "for example gpt-5.4-mini"};
  if (request.prompt.empty() && request.messages.empty())
    throw Error{Fault::usage, "there is neither a prompt nor a column of messages nor a body"};
}

void fill(Draft& made, Tools& tools, const Ask& ask)
{
  check(ask, tools.profile);
  made.has_probe = ask.probe.items > 0;
  Job& job = made.job;
  job = ask.job;
  for (const auto& path : ask.inputs)
    job.inputs.push_back(path == "-" ? spooled(made, tools, ask) : input::pin(path, ask.format, ask.empty));
  check_kinds(job);
  complete(job, tools.profile);
  if (!job.request.schema.empty()) check_schema(job.request.schema);
  const bool given_name = !job.name.empty();
  if (!given_name) job.name = job_name_from(name_of(ask.inputs.front(), job.inputs.front()));

  if (auto known = same_job(tools, job, given_name)) {
    if (known->standing != Standing::consented) return resume(made, tools, *known, ask.empty);
    made.asked = job;
    made.costs_more = job.policy.fallback == Fallback::realtime && known->policy.fallback != Fallback::realtime;
    take_over(*known, job);
    made.parts = tools.store.parts(known->name);
    job = std::move(*known); // with its estimate as it was told when consent was given
    made.continues = true;
    reckon(made, tools);
    return;
  }
  plan(made, tools, ask.empty, ask.probe, ask.reuse);
  const auto sent = job.items - never_sent(made.parts);
  if (ask.awaits_word && job.probe.empty() && sent > 0) {
    throw Error{Fault::usage, "--sample: no item can be tried first, since images and videos never are",
                "leave it out; --dry-run shows what they would cost"};
  }
  job.awaits_word = ask.awaits_word && sent > 0;
  job.uuid = make_uuid();
  job.created_at = tools.clock.now();
  expect(job, made.estimate);
  job.told_live_is_cheaper = is_live_cheaper(made, routes_of(tools, made));
}

/// A job with what was piped in where it is going to be kept.
Job with_kept_input(Tools& tools, const Draft& draft, Job job)
{
  for (auto& input : job.inputs) {
    if (draft.spooled && input.path == draft.spooled->path()) input.path = tools.layout.job(job.name).input().native();
  }
  return job;
}

} // namespace

Draft draft(Tools& tools, const Ask& ask)
{
  Draft made;
  try {
    fill(made, tools, ask);
    look_ahead(made, tools);
    check_cap(tools, made);
  } catch (const Error& e) {
    if (!made.spooled) throw;
    throw input::told_of_stdin(e, *made.spooled);
  }
  if (made.spooled) {
    for (auto& skipped : made.skipped)
      skipped = input::told_of_stdin(skipped, *made.spooled);
  }
  return made;
}

PlanView plan_view(const Tools& tools, const Draft& draft)
{
  std::vector<InputFormat> formats;
  for (const auto& input : draft.job.inputs) {
    if (std::find(formats.begin(), formats.end(), input.format) == formats.end()) formats.push_back(input.format);
  }
  std::vector<std::string> columns;
  const bool is_read = !draft.continues || draft.needs_consent;
  const auto& parts = draft.needs_consent ? draft.planned : draft.parts;
  auto requests = is_read ? std::uint64_t{0} : draft.job.items;
  std::uint64_t live_requests = 0;
  std::size_t batches = 0;
  for (const auto& part : parts) {
    requests += is_read ? part.requests : 0;
    if (part.route == Route::realtime) live_requests += part.requests;
    batches += part.route == Route::batch ? 1 : 0;
  }
  const auto routes = routes_of(tools, draft);
  if (is_read && !draft.job.inputs.empty()) columns = input::fixed_columns(draft.job.inputs.front());
  return {.job = draft.job.name,
          .formats = std::move(formats),
          .columns = std::move(columns),
          .model = draft.job.request.model,
          .items = draft.job.items,
          .requests = requests,
          .reused = draft.reuse.reused,
          .reused_from = draft.reuse.from,
          .repeated = draft.reuse.repeated,
          .parts = batches,
          .live_requests = live_requests,
          .request_bytes = draft.request_bytes,
          .estimate = draft.estimate,
          .batch = cost_of_work(tools, draft.job, draft.by_model, Route::batch),
          .realtime = cost_of_work(tools, draft.job, draft.by_model, Route::realtime),
          .mode = draft.job.mode,
          .fallback = draft.job.policy.fallback,
          .urgent = urgent_items(draft),
          .probe = draft.continues ? 0 : draft.job.probe.size(),
          .rest = draft.rest,
          .max_cost = draft.job.policy.max_cost,
          .strict_cap = draft.job.policy.strict_cap,
          .fills = draft.fills,
          .deadline = draft.job.policy.deadline,
          .leaving = draft.leaving,
          .drafted_at = draft.drafted_at,
          .advice = advice(tools, draft),
          .routes = routes,
          .is_live_cheaper = is_live_cheaper(draft, routes),
          .cache_hints =
              draft.continues ? std::vector<CacheHint>{} : cache_hints(tools, draft.job, draft.by_model, draft.shared),
          .prices_as_of = tools.prices.as_of(),
          .skipped = draft.skipped_count,
          .continues = draft.continues,
          .needs_consent = draft.needs_consent,
          .unsent = draft.unsent};
}

namespace {

/// Another bound of failures than before: those that were met are over and done with. So are those of items that were
/// tried first, where none is to be tried.
void go_on_after_failures(Tools& tools, store::Transaction& tx, const Job& job, bool has_probe)
{
  const auto known = tools.store.job(job.name);
  const bool other_bound = known && known->policy.stop_on_failures != job.policy.stop_on_failures;
  const auto parts = tools.store.parts(job.name);
  const bool probe_failed = tally_of_probe(parts).has_failed();
  for (auto part : parts) {
    const bool is_over = probe_failed && is_probe(part) ? !has_probe : other_bound;
    if (!is_over || part.failed_for_good == 0) continue;
    part.failed_for_good = 0;
    tx.put(job.name, part);
  }
}

/// A cap that is named now is one of the whole job; and a price that is named now prices what had none.
void take_over_money(Tools& tools, store::Transaction& tx, const Job& job, const Policy& before, const Policy& asked)
{
  const bool has_new_prices =
      asked.input_price && (before.input_price != asked.input_price || before.output_price != asked.output_price);
  if (!asked.max_cost && !has_new_prices) return;
  auto parts = tools.store.parts(job.name);
  if (has_new_prices) price_again(tools, tx, job, parts);
  if (asked.max_cost) cap_from_start(tools, job, parts);
  for (const auto& part : parts)
    tx.put(job.name, part);
}

} // namespace

namespace {

/// The directory of a new job, and what is in it before there are rows. Until then it may go.
void make_directory(Tools& tools, const Draft& draft)
{
  const auto& name = draft.job.name;
  if (tools.store.job(name)) {
    throw Error{Fault::busy, fmt::format("job {} was just made by another process", name),
                "run the same command again, or give another --name"};
  }
  put_aside(tools, name); // left by a removed job of that name
  const auto files = tools.layout.job(name);
  make_private_directory(files.directory());
  if (!draft.reuse.items.empty()) write_file(files.cleaned(), {});
  write_reuse(draft.job, draft.reuse, files);
  sync_directory(tools.layout.jobs());
}

/// A job with nothing to wait for has ended when it is made.
Job as_made(Tools& tools, const Draft& draft)
{
  auto job = with_kept_input(tools, draft, draft.job);
  if (!draft.reuse.items.empty() && tally(job, draft.parts).pending() == 0) job.ended_at = tools.clock.now();
  return job;
}

} // namespace

FileLock found(Tools& tools, const Draft& draft)
{
  const auto& name = draft.job.name;
  const auto& to_send = draft.needs_consent ? draft.planned : draft.parts;
  if (!draft.continues || draft.needs_consent)
    check_space(tools, name, bytes_to_come(draft.job, to_send, draft.output_allowed));
  if (!draft.continues) sweep_if_possible(tools); // what one that was killed here left of the job
  auto lock = take_lock(tools, name);
  if (!draft.continues) make_directory(tools, draft);
  store::Transaction tx{tools.store};
  if (draft.continues) {
    auto job = tools.store.job(name); // again: others may have moved it since it was drafted
    if (!job) throw Error{Fault::busy, fmt::format("the job {} was just removed", name), "run the command again"};
    if (job->standing == Standing::consented) {
      const auto before = job->policy;
      take_over(*job, draft.asked);
      take_over_money(tools, tx, *job, before, draft.asked.policy);
      go_on_after_failures(tools, tx, *job, draft.has_probe);
      tx.update(with_kept_input(tools, draft, *job));
    } else {
      go_on(tools, tx, with_kept_input(tools, draft, draft.asked), draft.planned);
    }
  } else {
    tx.add(as_made(tools, draft));
    learn_shared(tx, tools.store, draft.job, draft.shared);
    for (const auto& part : draft.parts) {
      tx.put(name, part);
      if (part.route == Route::reused && !is_live(part.state))
        tx.put(name, part.number, nothing_spent(part, tools.clock.now()));
    }
    tx.log(name, 0, fmt::format("{} items in {} parts", draft.job.items, draft.parts.size()));
  }
  if (draft.spooled) draft.spooled->keep(tools.layout.job(name).input());
  tx.commit(); // the files are in their places
  return lock;
}

} // namespace batchwright::engine
