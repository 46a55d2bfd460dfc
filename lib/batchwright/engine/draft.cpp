// Making a job: inputs pinned, all of them read, parts cut, the cost estimated; nothing sent, nothing written until the
// user consents.

#include <batchwright/base/files.hpp>
#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/caching.hpp>
#include <batchwright/engine/continuing.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/rebuild.hpp>
#include <batchwright/input/digesting.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/input/spool.hpp>
#include <batchwright/results/answer_schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

namespace batchwright::engine {
namespace {

constexpr auto piped_name = "stdin";

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
    raw[model].shared = shared.beginning;
  draft.by_model = forecast(tools, draft.job, raw).expected;
  draft.estimate = estimate(tools, draft.job, first_parts(draft.parts), {}, draft.shared);
  draft.output_allowed = {};
  for (const auto& [model, work] : raw)
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

/// How often the queue at the server is to be filled with what goes by batch; where no limit of it is known, only how
/// much that is.
Fills fills_of(const Draft& made, Tools& tools)
{
  Fills fills;
  for (const auto& p : made.parts)
    fills.tokens += p.route == Route::batch && is_live(p.state) ? input_of(tools, made.job, p).n : 0;
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

/// `digesting`: of the job's inputs.
void plan(Draft& made, Tools& tools, input::Digesting& digesting, input::Empty empty, requests::ProbeAsk probe = {},
          const ReuseAsk& reuse = {})
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
  digesting.end(job.inputs);
  input::Pins pins{job.inputs};
  pins.check(); // what was planned is what was digested
  job.inputs = pins.inputs();
  for (std::size_t i = 0; i < job.inputs.size(); ++i)
    job.inputs[i].columns = std::move(plan.columns[i]);
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
  job.named_tiers = std::move(plan.tiers);
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
void resume(Draft& made, Tools& tools, input::Digesting& digesting, const Job& known, input::Empty empty)
{
  Job& job = made.job;
  const auto urgent =
      std::exchange(job.urgent, {}); // which of them are at the server, or came home, is past finding out
  plan(made, tools, digesting, empty);
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
  expect(job, made.estimate);
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
    job.inputs.push_back(path == "-" ? spooled(made, tools, ask) : input::look_at(path, ask.format, ask.empty));
  input::Digesting digesting{job.inputs};
  check_kinds(job);
  complete(job, tools.profile);
  if (!job.request.schema.empty()) check_schema(job.request.schema);
  const bool given_name = !job.name.empty();
  if (!given_name) job.name = job_name_from(name_of(ask.inputs.front(), job.inputs.front()));

  std::optional<Job> known;
  if (tools.store.job(job.name)) {
    digesting.end(job.inputs); // they tell whether it is that job
    known = same_job(tools, job, given_name);
  }
  if (known) {
    if (known->standing != Standing::consented) return resume(made, tools, digesting, *known, ask.empty);
    made.asked = job;
    made.costs_more = job.policy.fallback == Fallback::realtime && known->policy.fallback != Fallback::realtime;
    take_over(*known, job);
    made.parts = tools.store.parts(known->name);
    job = std::move(*known); // with its estimate as it was told when consent was given
    made.continues = true;
    reckon(made, tools);
    return;
  }
  plan(made, tools, digesting, ask.empty, ask.probe, ask.reuse);
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

} // namespace batchwright::engine
