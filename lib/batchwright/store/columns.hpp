// Which column holds which member of a model value, said once: reading, writing and the SQL text follow from it.
// In: a model value. Out: its cells, whole numbers or text. Knows the tables of schema.hpp, but no database.
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/model/call.hpp>
#include <batchwright/model/experience.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/model/queue.hpp>
#include <batchwright/model/rate.hpp>
#include <batchwright/model/spending.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace batchwright::store {

using BodyField = std::pair<std::string, std::string>;

template<class T, class Row>
concept Some = std::same_as<std::remove_const_t<T>, Row>;

// --- columns: `column(name, member)` is called for each, in the order of the table -----------------------------------

void each_column(Some<Job> auto& job, auto&& column)
{
  column("name", job.name);
  column("uuid", job.uuid);
  column("mode", job.mode);
  column("model", job.request.model);
  column("endpoint", job.request.endpoint);
  column("prompt", job.request.prompt);
  column("system", job.request.system);
  column("messages", job.request.messages);
  column("body", job.request.body);
  column("schema", job.request.schema);
  column("max_output_tokens", job.request.max_output_tokens);
  column("id_column", job.request.id_column);
  column("inputs_per_request", job.request.inputs_per_request);
  column("service_tier", job.request.service_tier);
  column("limit_requests", job.limits.requests);
  column("limit_bytes", job.limits.bytes);
  column("limit_tokens", job.limits.tokens);
  column("max_attempts", job.policy.max_attempts);
  column("fallback", job.policy.fallback);
  column("keep_requests", job.policy.keep_requests);
  column("accept", job.policy.accept);
  column("adopt_grace", job.policy.adopt_grace);
  column("enqueued_tokens", job.policy.enqueued_tokens);
  column("stop_on_failures", job.policy.stop_on_failures);
  column("realtime_requests", job.policy.realtime.requests_per_minute);
  column("realtime_tokens", job.policy.realtime.tokens_per_minute);
  column("max_in_flight", job.policy.realtime.max_in_flight);
  column("headroom", job.policy.realtime.headroom);
  column("drain_timeout", job.policy.realtime.drain_timeout);
  column("deadline", job.policy.deadline);
  column("patience", job.policy.patience);
  column("input_price", job.policy.input_price);
  column("output_price", job.policy.output_price);
  column("max_cost", job.policy.max_cost);
  column("strict_cap", job.policy.strict_cap);
  column("skip_bad", job.skip_bad);
  column("compress", job.compress);
  column("items", job.items);
  column("base_url", job.base_url);
  column("account", job.account);
  column("estimated", job.estimated);
  column("estimated_low", job.estimated_low);
  column("estimated_high", job.estimated_high);
  column("created_at", job.created_at);
  column("standing", job.standing);
  column("options", job.options);
  column("pause", job.pause);
  column("message", job.message);
  column("out", job.handover.out);
  column("on_done", job.handover.on_done);
  column("delivered_at", job.handover.delivered_at);
  column("hook_begun_at", job.handover.hook_begun_at);
  column("probe_at", job.probe_at);
  column("probes", job.probes);
  column("advanced_at", job.advanced_at);
  column("switched_at", job.switched_at);
  column("ended_at", job.ended_at);
  column("probe", job.probe);
  column("awaits_word", job.awaits_word);
  column("told_live_is_cheaper", job.told_live_is_cheaper);
  column("named_tiers", job.named_tiers);
  column("finish_has_cap", job.finish_has_cap);
}

void each_column(Some<PinnedInput> auto& input, auto&& column)
{
  column("path", input.path);
  column("format", input.format);
  column("bytes", input.bytes);
  column("sha256", input.sha256);
  column("witness", input.witness);
  column("columns", input.columns);
}

void each_column(Some<BodyField> auto& field, auto&& column)
{
  column("name", field.first);
  column("value", field.second);
}

void each_column(Some<Part> auto& part, auto&& column)
{
  column("number", part.number);
  column("route", part.route);
  column("attempt", part.attempt);
  column("state", part.state);
  column("first_ordinal", part.first);
  column("last_ordinal", part.last);
  column("items", part.items);
  column("elsewhere", part.elsewhere);
  column("listed", part.listed);
  column("mark_ordinal", part.mark.ordinal);
  column("mark_input", part.mark.input);
  column("mark_offset", part.mark.offset);
  column("mark_line", part.mark.line);
  column("requests", part.requests);
  column("inputs_per_request", part.inputs_per_request);
  column("model", part.model);
  column("endpoint", part.endpoint);
  column("max_output_tokens", part.max_output_tokens);
  column("set_fields", part.set);
  column("estimated_tokens", part.input_tokens);
  column("largest_input", part.largest_input);
  column("output_bound", part.output_bound);
  column("choices", part.choices);
  column("bytes", part.bytes);
  column("sha256", part.sha256);
  column("file", part.file);
  column("file_created_at", part.file_created_at);
  column("batch", part.batch);
  column("remote_status", part.remote.status);
  column("remote_total", part.remote.total);
  column("remote_completed", part.remote.completed);
  column("remote_failed", part.remote.failed);
  column("output_file", part.remote.output_file);
  column("error_file", part.remote.error_file);
  column("remote_created_at", part.remote.created_at);
  column("remote_ended_at", part.remote.ended_at);
  column("error_code", part.remote.error_code);
  column("error_message", part.remote.error_message);
  column("admitted_at", part.admitted_at);
  column("seen_live_at", part.seen_live_at);
  column("polls", part.polls);
  column("due", part.due);
  column("refusals", part.refusals);
  column("downloads", part.downloads);
  column("lapses_at", part.lapses_at);
  column("short_since", part.short_since);
  column("reread", part.reread);
  column("gone_since", part.gone_since);
  column("born_at", part.born_at);
  column("succeeded", part.outcome.succeeded);
  column("failed", part.outcome.failed);
  column("cancelled", part.outcome.cancelled);
  column("left_over", part.outcome.left);
  column("input_tokens", part.outcome.usage.input);
  column("cached_tokens", part.outcome.usage.cached);
  column("output_tokens", part.outcome.usage.output);
  column("reasoning_tokens", part.outcome.usage.reasoning);
  column("cache_write_tokens", part.outcome.usage.cache_write);
  column("spent", part.outcome.spent);
  column("realtime", part.outcome.realtime);
  column("priced", part.outcome.priced);
  column("accepted", part.accepted);
  column("outcomes_version", part.outcomes_version);
  column("failed_for_good", part.failed_for_good);
  column("pick", part.pick);
  column("withdrawn", part.withdrawn);
  column("billed_again", part.billed_again);
  column("reserved", part.reserved);
  column("before_cap", part.before_cap);
  column("spent_before_cap", part.spent_before_cap);
  column("spent_so_far", part.so_far.spent);
  column("realtime_so_far", part.so_far.realtime);
  column("priced_so_far", part.so_far.priced);
  column("journal_read", part.so_far.bytes);
  column("progress_at", part.progress_at);
  column("cancelled_at", part.cancelled_at);
}

void each_column(Some<Spending> auto& spending, auto&& column)
{
  column("part", spending.part);
  column("day", spending.day);
  column("tier", spending.tier);
  column("items", spending.items);
  column("requests", spending.requests);
  column("input_tokens", spending.usage.input);
  column("cached_tokens", spending.usage.cached);
  column("cache_write_tokens", spending.usage.cache_write);
  column("output_tokens", spending.usage.output);
  column("reasoning_tokens", spending.usage.reasoning);
  column("cost", spending.cost);
  column("realtime", spending.realtime);
}

void each_column(Some<Experience> auto& experience, auto&& column)
{
  column("account", experience.account);
  column("model", experience.model);
  column("prompt", experience.prompt);
  column("job", experience.job);
  column("estimated", experience.estimated);
  column("input", experience.input);
  column("outputs", experience.outputs);
  column("batch_answers", experience.batch.answers);
  column("batch_input", experience.batch.input);
  column("batch_cached", experience.batch.read);
  column("batch_cache_write", experience.batch.written);
  column("live_answers", experience.live.answers);
  column("live_input", experience.live.input);
  column("live_cached", experience.live.read);
  column("live_cache_write", experience.live.written);
  column("shared", experience.shared);
}

void each_column(Some<Call> auto& call, auto&& column)
{
  column("uuid", call.uuid);
  column("part", call.part);
  column("kind", call.kind);
  column("state", call.state);
  column("begun_at", call.begun_at);
  column("server_time", call.server_time);
  column("first_look_at", call.first_look_at);
}

void each_column(Some<RateSeen> auto& rate, auto&& column)
{
  column("account", rate.account);
  column("model", rate.model);
  column("requests", rate.requests);
  column("tokens", rate.tokens);
  column("latency", rate.latency);
  column("cancelling", rate.cancelling);
  column("seen_at", rate.seen_at);
}

void each_column(Some<Sender> auto& sender, auto&& column)
{
  column("account", sender.account);
  column("model", sender.model);
  column("process", sender.process);
  column("at", sender.at);
  column("in_flight", sender.in_flight);
  column("allowed", sender.allowed);
  column("why", sender.why);
}

void each_column(Some<Queue> auto& queue, auto&& column)
{
  column("account", queue.account);
  column("model", queue.model);
  column("named_tokens", queue.named_tokens);
  column("named_since", queue.named_since);
  column("own_tokens", queue.own_tokens);
  column("own_since", queue.own_since);
  column("admitted_tokens", queue.admitted_tokens);
  column("named_requests", queue.named_requests);
  column("quiet_since", queue.quiet_since);
  column("refusals", queue.refusals);
  column("failing_since", queue.failing_since);
  column("failing_seen", queue.failing_seen);
}

void each_column(Some<Enqueued> auto& enqueued, auto&& column)
{
  column("job", enqueued.job);
  column("part", enqueued.part);
  column("state", enqueued.state);
  column("tokens", enqueued.tokens);
  column("requests", enqueued.requests);
  column("batch", enqueued.batch);
  column("created_at", enqueued.created_at);
  column("remote_status", enqueued.remote_status);
  column("admitted_at", enqueued.admitted_at);
  column("seen_live_at", enqueued.seen_live_at);
  column("job_created_at", enqueued.job_created_at);
  column("advanced_at", enqueued.advanced_at);
  column("may_send", enqueued.may_send);
}

// --- cells: a value as the database keeps it, and back ---------------------------------------------------------------

template<class T>
concept PlainNumber = std::integral<T> || std::is_enum_v<T>;

std::int64_t to_cell(PlainNumber auto n)
{
  return static_cast<std::int64_t>(n);
}

inline std::int64_t to_cell(Tokens tokens)
{
  return tokens.n;
}

inline std::int64_t to_cell(Price price)
{
  return price.micro_usd_per_mtok;
}

inline std::int64_t to_cell(PicoUsd amount)
{
  return amount.n;
}

inline std::int64_t to_cell(Millis duration)
{
  return duration.count();
}

inline std::int64_t to_cell(Instant t)
{
  return t.time_since_epoch().count();
}

inline std::string to_cell(const Outputs& outputs)
{
  return outputs.text();
}

inline const std::string& to_cell(const std::string& text)
{
  return text;
}

template<class Tag>
const std::string& to_cell(const Id<Tag>& id)
{
  return id.str();
}

/// "25,75,125".
inline std::string to_cell(const std::vector<Ordinal>& ordinals)
{
  std::string text;
  for (const auto ordinal : ordinals)
    text += (text.empty() ? "" : ",") + std::to_string(ordinal);
  return text;
}

/// "flex priority": words, with a blank between them.
inline std::string to_cell(const std::set<std::string>& words)
{
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

/// A JSON array; empty where there are none.
inline std::string to_cell(const std::vector<std::string>& names)
{
  std::string text;
  if (names.empty()) return text;
  json::Writer list{text};
  list.begin_array();
  for (const auto& name : names)
    list.string(name);
  list.end_array();
  return text;
}

template<class T>
std::optional<std::int64_t> to_cell(const std::optional<T>& value)
{
  return value ? std::optional{to_cell(*value)} : std::nullopt;
}

template<PlainNumber T>
void from_cell(std::int64_t cell, T& n)
{
  n = static_cast<T>(cell);
}

inline void from_cell(std::int64_t cell, Tokens& tokens)
{
  tokens.n = cell;
}

inline void from_cell(std::int64_t cell, Price& price)
{
  price.micro_usd_per_mtok = cell;
}

inline void from_cell(std::int64_t cell, PicoUsd& amount)
{
  amount.n = cell;
}

inline void from_cell(std::int64_t cell, Millis& duration)
{
  duration = Millis{cell};
}

inline void from_cell(std::int64_t cell, Instant& t)
{
  t = Instant{Millis{cell}};
}

inline void from_cell(const std::string& cell, Outputs& outputs)
{
  outputs = Outputs::read(cell).value_or(Outputs{});
}

inline void from_cell(std::string cell, std::string& text)
{
  text = std::move(cell);
}

template<class Tag>
void from_cell(std::string cell, Id<Tag>& id)
{
  id = Id<Tag>{std::move(cell)};
}

inline void from_cell(const std::string& cell, std::vector<Ordinal>& ordinals)
{
  ordinals.clear();
  std::istringstream text{cell};
  for (std::string number; std::getline(text, number, ',');)
    ordinals.push_back(std::stoull(number));
}

inline void from_cell(const std::string& cell, std::set<std::string>& words)
{
  words.clear();
  std::istringstream text{cell};
  for (std::string word; text >> word;)
    words.insert(word);
}

inline void from_cell(const std::string& cell, std::vector<std::string>& names)
{
  names.clear();
  json::Document list;
  if (!list.parse(cell)) return;
  for (const auto& name : list.root().elements())
    names.push_back(name.text().value_or(""));
}

template<class T>
void from_cell(const std::optional<std::int64_t>& cell, std::optional<T>& value)
{
  value.reset();
  if (cell) from_cell(*cell, value.emplace());
}

} // namespace batchwright::store
