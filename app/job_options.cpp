#include "app/job_options.hpp"

#include "app/defaults.hpp"
#include "app/delivery.hpp"
#include "app/job_file.hpp"
#include "app/numbers.hpp"
#include "app/session.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/config/account.hpp>
#include <batchwright/engine/probe.hpp>
#include <batchwright/engine/show.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/share.hpp>
#include <batchwright/report/plan.hpp>
#include <batchwright/report/report.hpp>
#include <batchwright/wire/answer.hpp>
#include <batchwright/wire/endpoint.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Error;
using bw::Fault;

/// How many items are tried first, and of inputs of more than how many, where the user does not say.
constexpr std::uint64_t usual_probe = 3;
constexpr std::uint64_t tried_above = 100;
/// More would be no trial.
constexpr std::uint64_t most_tried = 1000;

/// A known endpoint by its word, or any path of the API.
std::string endpoint_of(const std::string& text)
{
  if (text.empty()) return {};
  if (const auto* known = bw::wire::find_endpoint(text)) return std::string{known->path};
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-.";
  if (text.starts_with("/v1/") && text.size() > 4 && text.find_first_not_of(allowed) == std::string::npos) return text;
  std::string words;
  for (const auto& known : bw::wire::endpoints())
    words += fmt::format("{}, ", known.word);
  throw Error{Fault::usage, fmt::format("--endpoint {}: not known", text),
              fmt::format("one of {}or a path of the API, as /v1/images/generations", words)};
}

/// Never above the API's own limit.
WholeNumber within(std::uint64_t most)
{
  return {.most = most, .why = fmt::format("the API allows at most {}", bw::report::count(most))};
}

/// The codes that may be accepted, as people read them.
std::string acceptable()
{
  return fmt::format("{}", fmt::join(bw::wire::acceptable_codes, ", "));
}

/// What came out empty in a script must not be as if it had not been said.
CLI::Validator not_empty(const std::string& option, const std::string& hint)
{
  const auto check = [option, hint](const std::string& text) {
    if (text.empty()) throw Error{Fault::usage, fmt::format("{}: nothing is named", option), hint};
    return std::string{};
  };
  return CLI::Validator{check, {}};
}

CLI::Validator acceptable_code()
{
  const auto check = [](const std::string& text) {
    const auto& codes = bw::wire::acceptable_codes;
    if (std::find(codes.begin(), codes.end(), text) != codes.end()) return std::string{};
    throw Error{Fault::usage, fmt::format("--accept {}: no answer that could be taken", text),
                fmt::format("what was paid for and says something all the same: {}", acceptable())};
  };
  return CLI::Validator{check, {}};
}

/// In one spelling, however they were given.
std::string joined(std::vector<std::string> codes)
{
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  return fmt::format("{}", fmt::join(codes, ","));
}

/// The option --stop-on-failures, in millionths of a percent; 0: not given.
std::uint64_t share_of(const std::string& text)
{
  if (text.empty()) return 0;
  const auto share = bw::parse_allowance(text);
  if (share && share->is_share && share->millionths > 0) return share->millionths;
  throw Error{Fault::usage, fmt::format("--stop-on-failures {}: not a share of a batch", text),
              "a percentage above 0%, as 50% or 0.5%; leave it out to go on whatever fails"};
}

/// What the user is asked to consent to.
std::string question_of(const bw::engine::Draft& draft, const bw::PlanView& plan)
{
  if (draft.job.awaits_word && !draft.continues)
    return fmt::format("Send {} to {} in real time, to see the answers?",
                       bw::report::counted(plan.probe, "item", "items"),
                       draft.job.request.model.empty() ? "several models" : draft.job.request.model);
  if (draft.costs_more) return "Send what batches leave undone in real time, at the full price?";
  const auto to = draft.job.request.model.empty() ? "several models" : draft.job.request.model;
  return draft.needs_consent ? fmt::format("Send {} items to {} now, and later what fails for a passing reason?",
                                           bw::report::count(draft.unsent), to)
                             : fmt::format("Send {} to {}?", bw::report::amount_of_work(plan), to);
}

/// Whether it was consented to before, when the job was made.
bool was_asked(const bw::engine::Draft& draft)
{
  if (!draft.continues) return false;
  if (draft.needs_consent) return draft.pending == 0;
  return !draft.costs_more || bw::tally(draft.job, draft.parts).pending() == 0;
}

/// A condition that holds for no item may be misspelt.
void warn_of_idle_conditions(const bw::engine::Draft& draft, Console& console)
{
  for (std::size_t i = 0; i < draft.urgent.size(); ++i) {
    if (draft.urgent[i] > 0 || draft.job.items == 0) continue;
    const auto& [column, value] = draft.job.urgent[i];
    console.warn(fmt::format("--urgent {}={}: none of {} has that value", column, value,
                             bw::report::counted(draft.job.items, "item", "items")));
  }
}

Stdin use_of_stdin(const JobOptions& options)
{
  const bool is_read = std::find(options.inputs.begin(), options.inputs.end(), "-") != options.inputs.end();
  return is_read ? Stdin::holds_data : Stdin::is_free;
}

/// Spending asks first: on a terminal with a question, elsewhere it must have been said on the command line.
void get_consent(const JobOptions& options, const bw::engine::Draft& draft, const bw::PlanView& plan, Session& session)
{
  const bool has_nothing_new = !draft.continues && draft.job.items == bw::never_sent(draft.parts);
  const bool sends_nothing = draft.job.items == 0 || has_nothing_new || draft.job.cancel != bw::Cancel::none;
  if (options.yes || sends_nothing) return;
  const bool is_paid_for = is_covered(options.money.max_cost, plan.cost_of_policy());
  const auto in = use_of_stdin(options);
  constexpr auto why = "this spends money";
  const std::string hint = plan.cost_of_policy()
                               ? "say --yes to send it, --max-cost with an amount that covers it, or --dry-run to see "
                                 "only what it would cost"
                               : "say --yes to send it, though nobody knows its price here, or tell that with --price "
                                 "IN,OUT";
  if (was_asked(draft)) { // but not whether the rest may go, where that is asked later
    if (!is_paid_for && draft.job.awaits_word && bw::tally(draft.job, draft.parts).pending() > 0)
      session.console().need_terminal(why, hint, in);
    return;
  }
  if (is_paid_for) return;
  if (!session.console().confirm(question_of(draft, plan), why, hint, in)) {
    throw Error{Fault::usage, "not sent: consent was not given"};
  }
}

} // namespace

std::pair<std::string, std::string> field_of(const std::string& text)
{
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error{Fault::usage, fmt::format("--set {}: expected NAME=JSON", text),
                R"(for example --set temperature=0.2 or --set 'reasoning_effort="low"')"};
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

CLI::Validator answerable()
{
  const auto most = static_cast<std::uint64_t>(bw::wire::openai().tokens_per_request);
  return whole_number("--max-output-tokens",
                      {.most = most,
                       .why = fmt::format("no model answers with more than {} tokens", bw::report::count(most)),
                       .hint = "leave it out for the model's own bound"});
}

void add_job_options(CLI::App& command, JobOptions& o)
{
  const auto& profile = bw::wire::openai();
  command // the first of all options: it gives values to the others
      .add_option_function<std::string>(
          "--job", [&command](const std::string& path) { apply_job_file(command, path); },
          "Take options from a TOML file, under their long names; those given here win")
      ->type_name("FILE");
  command
      .add_option(
          "input", o.inputs,
          "CSV, TSV, JSON lines or plain text (an item a line, field `text`), plain, .gz or .zst; a folder (an item a "
          "file, fields `path` and `text`), - for standard input; several run on")
      ->type_name("INPUT")
      ->required();
  command.add_option("--model", o.model, "Model that answers, e.g. gpt-5.4-mini")->type_name("M");
  auto* prompt = command
                     .add_option("--prompt", o.prompt,
                                 "Template of the user message; {{column}}, {{a.b}}, {{text|head 2000}} are the item's "
                                 "fields, {{{{ a literal {{")
                     ->type_name("T");
  command.add_option("--prompt-file", o.prompt_file, "The same, read from a file")->type_name("F")->excludes(prompt);
  auto* system = command.add_option("--system", o.system, "Template of the system message")->type_name("T");
  command.add_option("--system-file", o.system_file, "The same, read from a file")->type_name("F")->excludes(system);
  command
      .add_option("--messages", o.messages,
                  "Column with all messages as a JSON list, in place of --prompt and --system")
      ->type_name("COL")
      ->excludes(prompt);
  command
      .add_option("--body", o.body,
                  "JSON template of the whole body; a string that is nothing but {{column}} takes the typed value")
      ->type_name("FILE");
  command
      .add_option("--schema", o.schema,
                  "JSON schema that each answer keeps to: sent as strict, and checked on collecting")
      ->type_name("FILE");
  command.add_option("--set", o.set, "One more field of the request body, repeatable: temperature=0.2")
      ->type_name("KEY=JSON")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--max-output-tokens", o.max_output_tokens, "Bound of each answer")
      ->type_name("N")
      ->check(answerable());
  command
      .add_option(
          "--endpoint", o.endpoint,
          "chat, responses, embeddings, completions, moderations, or a path with --body: /v1/images/generations")
      ->default_str("chat");
  command
      .add_option("--inputs-per-request", o.inputs_per_request,
                  "Items packed into one request, of embeddings (default 100) and moderations (default 32)")
      ->type_name("N")
      ->check(whole_number("--inputs-per-request"));
  command
      .add_option(
          "--input-format", o.input_format,
          "Format of the input; auto goes by name, else by content: an object a line is jsonl (with custom_id, url and "
          "body: ready-made requests), records of equal "
          "length under a header tsv or csv, all else text")
      ->check(CLI::IsMember({"auto", "csv", "tsv", "jsonl", "text", "requests", "files"}))
      ->capture_default_str();
  command
      .add_option("--id-column", o.id_column, "Column that gives the custom_id (default: bw-0000000000, counting up)")
      ->type_name("COL");
  command.add_option("--skip-bad", o.skip_bad, "Put aside up to N bad records instead of refusing the input")
      ->type_name("N")
      ->check(whole_number("--skip-bad", {.least = 0}));
  command.add_option("--requests-per-part", o.requests_per_part, "Requests in a file at most, up to 50,000")
      ->type_name("N")
      ->check(whole_number("--requests-per-part", within(profile.requests_per_file)))
      ->default_str(std::to_string(profile.requests_per_file));
  command.add_option("--bytes-per-part", o.bytes_per_part, "Bytes of a file at most, up to 200 MiB")
      ->type_name("N")
      ->check(whole_number("--bytes-per-part", within(profile.bytes_per_file)))
      ->default_str(std::to_string(profile.default_bytes_per_part));
  command.add_option("--tokens-per-part", o.tokens_per_part, "Input tokens of a file at most, by our estimate")
      ->type_name("N")
      ->check(whole_number("--tokens-per-part"));
  command
      .add_option("--enqueued-tokens", o.enqueued_tokens,
                  "Input tokens that the account may have waiting at the server for this model (default: learned from "
                  "its refusals)")
      ->type_name("N")
      ->check(whole_number("--enqueued-tokens"));
  command
      .add_option("--adopt-grace", o.adopt_grace,
                  "How long the server's listing may lag behind a batch whose creation was not answered")
      ->type_name("DURATION")
      ->default_str("60s");
  add_realtime_options(command, o.realtime);
  add_money_options(command, o.money);
  command.add_option("--max-attempts", o.max_attempts, "How often an item is sent at most")
      ->type_name("N")
      ->check(whole_number("--max-attempts", {.most = 100}))
      ->capture_default_str();
  command
      .add_option("--stop-on-failures", o.stop_on_failures,
                  "Send nothing more once so much of a batch failed for good, or came back unusable")
      ->type_name("P%");
  command
      .add_option("--accept", o.accept, fmt::format("Answers that count as succeeded though they are {}", acceptable()))
      ->type_name("CODE,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(acceptable_code());
  auto* probe =
      command
          .add_option(
              "--probe", o.probe,
              "Items that are tried in real time before anything else is sent, spread over the input (default: 3 "
              "of more than 100; 0: none)")
          ->type_name("N")
          ->check(whole_number("--probe", {.least = 0, .most = most_tried}));
  command.add_option("--sample", o.sample, "Try N items first, show what is answered, and ask before the rest is sent")
      ->type_name("N")
      ->check(whole_number("--sample", {.most = most_tried}))
      ->excludes(probe);
  command.add_flag("--dedupe", o.dedupe, "Send what several items ask once, and give all of them the answer");
  command
      .add_option("--reuse", o.reuse,
                  "Send nothing that this job has an answer to, from the same server: the answer is taken over (all: "
                  "any job's)")
      ->type_name("JOB|all")
      ->check(not_empty("--reuse", "name a job, or all"));
  command.add_flag("--keep-requests", o.keep_requests, "Keep request files after their part is settled");
  command.add_flag("--compress", o.compress,
                   "Keep the job small on the disk: outputs packed as they come, request files only until they are "
                   "uploaded");
  command
      .add_option("-o,--out", o.out,
                  "Where the merged result is written, by whichever command ends the job (run: default -, stdout)")
      ->type_name("OUT");
  command.add_option("--on-done", o.on_done, "Shell command that is run once when the job is done")->type_name("CMD");
  command.add_option("--name", o.name, "Name of the job (default: made from the input's name)")->type_name("NAME");
  command.add_flag("--allow-empty", o.allow_empty, "An input without an item makes a job that is done at once");
  command.add_flag("-y,--yes", o.yes, "Send without asking");
  command.add_flag("--dry-run", o.dry_run, "Show parts, tokens and cost; send nothing, leave nothing");
}

bool is_ready_made(const JobOptions& o)
{
  if (o.input_format == "requests") return true;
  const bool has_template = !o.prompt.empty() || !o.prompt_file.empty() || !o.messages.empty() || !o.body.empty();
  if (has_template || o.input_format != "auto" || o.inputs.empty()) return false;
  const auto& first = o.inputs.front();
  return std::filesystem::is_regular_file(first) &&
         bw::input::detect_format(first, bw::input::Empty::allow) == bw::InputFormat::requests;
}

std::vector<std::string> unsuited_defaults(const JobOptions& o)
{
  auto names = unsuited_defaults(o.realtime);
  if (is_ready_made(o)) {
    names.insert(names.end(), {"model", "max_output_tokens"});
    return names;
  }
  const auto* endpoint = bw::wire::find_endpoint(o.endpoint.empty() ? "chat" : o.endpoint);
  const bool has_bound = std::any_of(o.set.begin(), o.set.end(), [](const std::string& text) {
    const auto name = text.substr(0, text.find('='));
    return name.starts_with("max_") && name.ends_with("tokens");
  });
  if (has_bound || !o.body.empty() || !endpoint || endpoint->bound_field.empty())
    names.emplace_back("max_output_tokens");
  if (o.body.empty()) return names;
  bw::json::Document body;
  const auto text = bw::read_file(o.body);
  if (body.parse(text) && body.root().find("model")) names.emplace_back("model");
  return names;
}

void complete_options(CLI::App& command, JobOptions& options, const bw::config::Settings& settings)
{
  take_defaults(command, settings, unsuited_defaults(options));
}

bw::engine::Ask ask_of(const JobOptions& o)
{
  if (!o.name.empty() && !bw::is_job_name(o.name)) {
    throw Error{Fault::usage, fmt::format("--name {}: not a job name", o.name),
                "up to 40 of a-z, 0-9, _ and -, the first a letter or digit"};
  }
  const bool ready_made = is_ready_made(o);
  if (!ready_made && o.prompt.empty() && o.prompt_file.empty() && o.messages.empty() && o.body.empty()) {
    throw Error{Fault::usage, "one of --prompt, --prompt-file, --messages and --body is required",
                "for example --prompt 'Is this review positive or negative? {{text}}'"};
  }
  if (std::find(o.inputs.begin(), o.inputs.end(), "-") != o.inputs.end() && ::isatty(STDIN_FILENO)) {
    throw Error{Fault::usage, "INPUT -: standard input is a terminal", "pipe the input into it, or name a file"};
  }
  if (!ready_made && o.model.empty() && o.body.empty())
    throw Error{Fault::usage, "--model is required", "for example --model gpt-5.4-mini, or `model` in config.toml"};
  bw::engine::Ask ask;
  ask.inputs = o.inputs;
  ask.format = bw::input_format_named(o.input_format).value_or(bw::InputFormat::automatic);
  ask.empty = o.allow_empty ? bw::input::Empty::allow : bw::input::Empty::refuse;
  auto& job = ask.job;
  job.name = o.name;
  job.request.model = o.model;
  job.request.endpoint = endpoint_of(o.endpoint);
  job.request.prompt = o.prompt_file.empty() ? o.prompt : bw::read_file(o.prompt_file);
  job.request.system = o.system_file.empty() ? o.system : bw::read_file(o.system_file);
  job.request.messages = o.messages;
  if (!o.body.empty()) job.request.body = bw::read_file(o.body);
  if (!o.schema.empty()) job.request.schema = bw::read_file(o.schema);
  job.request.inputs_per_request = o.inputs_per_request;
  job.request.max_output_tokens = o.max_output_tokens;
  for (const auto& text : o.set)
    job.request.set.push_back(field_of(text));
  job.request.id_column = o.id_column;
  job.limits = {.requests = o.requests_per_part, .bytes = o.bytes_per_part, .tokens = o.tokens_per_part};
  job.policy.enqueued_tokens = o.enqueued_tokens;
  if (const auto grace = duration_of(o.adopt_grace, "--adopt-grace")) {
    constexpr bw::Millis most{24 * 3'600'000};
    if (*grace > most) throw Error{Fault::usage, fmt::format("--adopt-grace {}: at most a day", o.adopt_grace)};
    job.policy.adopt_grace = *grace;
  }
  apply(o.realtime, job);
  apply(o.money, job.policy);
  ask.probe = {.items = o.sample > 0 ? o.sample : o.probe.value_or(usual_probe),
               .above = o.sample > 0 || o.probe ? 0 : tried_above};
  ask.awaits_word = o.sample > 0;
  ask.reuse = {.dedupe = o.dedupe, .reuse = o.reuse};
  job.policy.max_attempts = o.max_attempts;
  job.policy.keep_requests = o.keep_requests;
  job.compress = o.compress;
  job.policy.accept = joined(o.accept);
  job.policy.stop_on_failures = share_of(o.stop_on_failures);
  job.skip_bad = o.skip_bad;
  if (!o.out.empty() && o.out != "-") job.handover.out = std::filesystem::absolute(o.out).native();
  job.handover.on_done = o.on_done;
  return ask;
}

std::optional<Made> make_job(const JobOptions& options, Session& session)
{
  auto ask = ask_of(options);
  ask.job.base_url = bw::config::read_account(session.settings()).base_url;
  try { // a missing key is said before a large input is read
    ask.job.account = session.server().account;
  } catch (const Error&) {
    if (!options.dry_run) throw; // which needs none, and knows less of the account then
  }
  auto draft = bw::engine::draft(session.tools_if_any(), ask);
  auto& console = session.console();
  if (bw::engine::Delivery{.out = options.out}.is_folder() && !bw::is_ready_made(draft.job)) {
    throw Error{Fault::usage, fmt::format("-o {}: is a directory", options.out),
                "name a file; a folder is for ready-made requests, of which each file gets its output"};
  }
  if (!options.out.empty()) bw::engine::Delivery{.out = options.out}.check_against(draft.job);
  for (const auto& skipped : draft.skipped)
    console.warn(fmt::format("put aside: {}", skipped.what()));
  warn_of_idle_conditions(draft, console);
  const auto plan = bw::engine::plan_view(session.tools_if_any(), draft);
  console.say(bw::report::plan(plan));
  if (draft.continues && (options.dedupe || !options.reuse.empty()))
    console.say(draft.needs_consent
                    ? "  --dedupe and --reuse have their say when a job is made: this one was rebuilt, and "
                      "what no batch holds is sent"
                    : "  --dedupe and --reuse have their say when a job is made: this one's items have "
                      "their parts already");
  if (options.dry_run) {
    auto v = bw::view(draft.job, draft.parts, bw::Held::no);
    if (!draft.continues) v.state = bw::JobState::planned;
    session.console().conclude(v, Stdout::is_free);
    return std::nullopt;
  }
  get_consent(options, draft, plan, session);
  return Made{draft.job.name, bw::engine::found(session.tools(), draft)};
}

bw::JobView send(Made made, const bw::engine::Goal& goal, const JobOptions& options, Stdout out, Session& session)
{
  auto& console = session.console();
  auto& tools = session.tools();
  auto view = bw::engine::advance(tools, session.server(), made.job, goal, std::move(made.lock));
  if (const auto failed = bw::engine::failed_probe(view)) {
    if (session.globals.json) console.conclude(view, out);
    throw bw::Error{*failed};
  }
  const bool was_all = options.sample > 0 && view.state == bw::JobState::done; // nothing is left to ask about
  if (!(view.awaits_word || was_all) || bw::process_interrupt().asked()) return view;
  bw::engine::show(tools, made.job, {.probe = true},
                   [&](const bw::engine::ItemShown& item) { console.show_item(item.record, item.request); });
  if (was_all) return view;
  const auto question = fmt::format("Send the other {}?", bw::report::counted(view.items.pending(), "item", "items"));
  if (!options.yes &&
      !console.confirm(question, "the rest waits for an answer", "say --yes to send it", use_of_stdin(options)))
    return view;
  return bw::engine::advance(tools, session.server(), made.job, goal, bw::engine::send_rest(tools, made.job));
}

std::optional<bw::Millis> duration_of(const std::string& text, const char* option)
{
  if (text.empty()) return std::nullopt;
  const auto duration = bw::parse_duration(text);
  if (!duration || duration->count() == 0) {
    throw Error{Fault::usage, fmt::format("{} {}: not a duration", option, text),
                "a number and a unit, repeated: 250ms, 30s, 5m, 1h30m"};
  }
  return duration;
}

} // namespace app
