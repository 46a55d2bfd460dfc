// Jobs and errors as objects for programs: one compact line each, with the members of the contract in their order.

#include <batchwright/json/json.hpp>
#include <batchwright/model/print.hpp>
#include <batchwright/report/outlook.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

namespace batchwright::report {
namespace {

std::optional<std::string> text_or_null(std::string_view text)
{
  return text.empty() ? std::nullopt : std::optional{legible(text)};
}

std::optional<std::string> time_or_null(const std::optional<Instant>& t)
{
  return t ? std::optional{rfc3339(*t)} : std::nullopt;
}

void number(json::Writer& w, std::string_view key, std::uint64_t n)
{
  w.key(key).raw(fmt::format("{}", n));
}

void dollars(json::Writer& w, std::string_view key, const std::optional<PicoUsd>& amount)
{
  w.key(key).raw(amount ? exact_usd(*amount) : "null");
}

void write(json::Writer& w, const Tally& items)
{
  w.begin_object();
  number(w, "total", items.items);
  number(w, "succeeded", items.succeeded);
  number(w, "failed", items.failed);
  number(w, "pending", items.pending());
  w.end_object();
}

void write(json::Writer& w, const Part& part)
{
  w.begin_object().member("part", part.number);
  w.key("route").string(name(part.route)).member("attempt", part.attempt);
  w.key("state").string(name(part.state));
  w.member("batch_id", text_or_null(part.batch.str())).member("batch_status", text_or_null(part.remote.status));
  number(w, "requests", part.requests);
  w.member("completed", part.remote.completed).member("failed", part.remote.failed);
  w.member("outputs_lapse_at", time_or_null(part.lapses_at)).end_object();
}

} // namespace

std::string json(const JobView& v)
{
  std::string out;
  json::Writer w{out};
  w.begin_object().member("schema", 1).key("job").string(v.job).key("state").string(name(v.state));
  w.member("reason", text_or_null(v.pause == Pause::none ? "" : name(v.pause)));
  w.key("mode")
      .string(name(v.mode))
      .member("model", text_or_null(v.model))
      .member("endpoint", text_or_null(v.endpoint));
  w.key("items");
  write(w, v.items);
  w.key("parts").begin_array();
  for (const auto& part : v.parts)
    write(w, part);
  w.end_array().key("cost").begin_object();
  dollars(w, "estimated_usd", v.estimated);
  dollars(w, "spent_usd", v.spent);
  dollars(w, "saved_usd", v.saved());
  dollars(w, "possibly_billed_again_usd", v.billed_again);
  w.end_object().member("created_at", rfc3339(v.created_at));
  w.member("deadline", time_or_null(v.deadline)).member("eta", time_or_null(v.eta));
  // What has ended does not change with the time it is told at.
  const bool has_ended = v.message.empty() && v.state == JobState::done;
  const auto message = has_ended ? missed_deadline(v, v.created_at) : v.message;
  w.member("next_poll_at", time_or_null(v.next_poll_at)).member("message", text_or_null(message)).end_object();
  return out;
}

std::string json(const Error& error, Exit exit)
{
  const auto& place = error.place();
  std::string out;
  json::Writer w{out};
  w.begin_object().key("error").begin_object();
  w.member("exit_code", static_cast<int>(exit)).member("message", legible(error.what()));
  w.member("hint", text_or_null(error.hint())).member("file", text_or_null(place ? place->file : ""));
  w.key("line").raw(place && place->line > 0 ? fmt::format("{}", place->line) : "null");
  w.key("byte").raw(place && place->byte ? fmt::format("{}", *place->byte) : "null");
  w.end_object().end_object();
  return out;
}

std::string json_warning(std::string_view text)
{
  std::string out;
  json::Writer w{out};
  w.begin_object().key("warning").begin_object().member("message", legible(text)).end_object().end_object();
  return out;
}

} // namespace batchwright::report
