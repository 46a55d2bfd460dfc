#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/emulator/identity.hpp>
#include <batchwright/emulator/ledger.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace batchwright::emulator {
namespace {

// So many rows are copied out under the lock at a time.
constexpr std::size_t slice = 1024;

std::uint64_t hex_number(std::string_view digits)
{
  std::uint64_t n = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), n, 16);
  return n;
}

Digest digest_of(std::string_view sha256)
{
  return {.high = hex_number(sha256.substr(0, 16)), .low = hex_number(sha256.substr(16, 16))};
}

Digest item_digest(const json::Value& custom_id, std::string_view body_sha256)
{
  Sha256 sha;
  sha.update(body_sha256); // of one length always, so that no id can be taken for a part of it
  sha.update(id_text(custom_id));
  return digest_of(sha.hex());
}

std::string body_name(std::string_view body_sha256)
{
  return fmt::format("\"body_sha256\":\"{}\"", body_sha256);
}

std::string item_name(const json::Value& custom_id, std::string_view body_sha256)
{
  return fmt::format("\"custom_id\":{},{}", custom_id.raw(), body_name(body_sha256));
}

/// Writes an array with an object for each row: its name, and what `write` makes of its counters.
template<class Counters, class Write>
void write_array(json::Writer& w, std::mutex& mutex, NamedRows<Counters>& rows, const std::function<void()>& spill,
                 Write write)
{
  const auto size = [&] {
    const std::lock_guard lock{mutex};
    rows.flush_names();
    return rows.size();
  }();
  LineReader names{rows.names_path()};
  w.begin_array();
  for (std::size_t first = 0; first < size; first += slice) {
    const auto some = [&] {
      const std::lock_guard lock{mutex};
      return rows.some(first, std::min(slice, size - first));
    }();
    for (const auto& counters : some) {
      const auto name = names.next();
      ensure(name.has_value(), "the ledger has a name for each of its rows");
      w.begin_object().raw(name->text);
      write(counters);
      w.end_object();
    }
    spill();
  }
  w.end_array();
}

/// The sum of what `of` says of each row.
template<class Counters, class Of>
std::int64_t sum(const NamedRows<Counters>& rows, Of of)
{
  std::int64_t total = 0;
  for (const auto& row : rows.all())
    total += static_cast<std::int64_t>(of(row.counters));
  return total;
}

} // namespace

Ledger::Ledger(const std::filesystem::path& directory, std::int64_t copies)
    : m_copies(copies),
      m_items(directory / "ledger-items.jsonl"),
      m_bodies(directory / "ledger-bodies.jsonl"),
      m_inputs(directory / "ledger-inputs.jsonl")
{
}

void Ledger::set_copies(std::int64_t copies)
{
  const std::lock_guard lock{m_mutex};
  m_copies = copies;
}

/// The rows of a request, made where there are none.
Ledger::Entry Ledger::place(const json::Value* custom_id, const json::Value& body)
{
  Entry entry{.body_sha256 = body_sha256(body)};
  const auto item = custom_id ? item_digest(*custom_id, entry.body_sha256) : Digest{};
  const std::lock_guard lock{m_mutex};
  const auto of_body = m_bodies.place_of(digest_of(entry.body_sha256));
  if (of_body.fresh) m_bodies.name(body_name(entry.body_sha256));
  entry.body = of_body.row;
  if (!custom_id) return entry;
  const auto of_item = m_items.place_of(item);
  if (of_item.fresh) {
    m_items.name(item_name(*custom_id, entry.body_sha256));
    ++m_bodies[entry.body].custom_ids;
  }
  entry.item = of_item.row;
  return entry;
}

Ledger::Entry Ledger::meet(const json::Value& custom_id, const json::Value& body)
{
  auto entry = place(&custom_id, body);
  const std::lock_guard lock{m_mutex};
  ++m_items[*entry.item].met;
  entry.met = m_bodies[entry.body].met++;
  return entry;
}

Ledger::Entry Ledger::meet(const json::Value& body)
{
  auto entry = place(nullptr, body);
  const std::lock_guard lock{m_mutex};
  entry.met = m_bodies[entry.body].met++;
  return entry;
}

void Ledger::leave(const json::Value& custom_id, const json::Value& body)
{
  place(&custom_id, body);
}

void Ledger::ran(const Entry& entry, const Run& run)
{
  const std::lock_guard lock{m_mutex};
  auto& body = m_bodies[entry.body];
  if (entry.item)
    ran_in_batch(m_items[*entry.item], body, run.billed);
  else
    ran_live(body, run.billed, run.delivery);
  for (const auto& input : run.inputs)
    ran_input(input, run.billed, run.delivery);
  if (run.billed) m_usage.add(run.usage, entry.item ? UsageBook::By::batch : UsageBook::By::call);
}

Reply Ledger::usage_page(const Call& call, const std::string& kind, Instant now) const
{
  const std::lock_guard lock{m_mutex};
  return m_usage.page(call, kind, now);
}

bool Ledger::all_answered(const BodyCounts& body) const
{
  return std::int64_t{body.custom_ids_billed} + body.live_billed - body.live_cut >= copies_of(body);
}

void Ledger::ran_in_batch(ItemCounts& item, BodyCounts& body, bool billed)
{
  if (all_answered(body)) ++body.batch_again;
  ++item.executed;
  ++body.batch_executed;
  if (item.billed > 0) item.after_success = 1;
  if (!billed) return;
  if (item.billed == 0) ++body.custom_ids_billed;
  ++item.billed;
  ++body.batch_billed;
}

void Ledger::ran_live(BodyCounts& body, bool billed, Delivery delivery)
{
  if (all_answered(body)) ++body.live_again;
  ++body.live_executed;
  if (!billed) return;
  ++body.live_billed;
  if (delivery == Delivery::cut) ++body.live_cut;
}

void Ledger::ran_input(const std::string& input_sha256, bool billed, Delivery delivery)
{
  const auto place = m_inputs.place_of(digest_of(input_sha256));
  if (place.fresh) m_inputs.name(fmt::format("\"input_sha256\":\"{}\"", input_sha256));
  auto& input = m_inputs[place.row];
  ++input.executed;
  if (!billed) return;
  ++input.billed;
  if (delivery == Delivery::cut) ++input.cut;
}

void Ledger::lost(const Entry& entry, const Run& run)
{
  const std::lock_guard lock{m_mutex};
  ++m_live.unheard;
  if (!run.billed) return;
  ++m_bodies[entry.body].live_cut;
  for (const auto& input : run.inputs)
    ++m_inputs[m_inputs.place_of(digest_of(input)).row].cut;
}

std::int64_t Ledger::ask_flex(const json::Value& body)
{
  const auto entry = place(nullptr, body);
  const std::lock_guard lock{m_mutex};
  return ++m_bodies[entry.body].flex_asked;
}

Ledger::Minute& Ledger::Live::minute_of(Instant t)
{
  return minutes[std::chrono::floor<std::chrono::minutes>(t).time_since_epoch().count()];
}

void Ledger::live_called(Instant now)
{
  const std::lock_guard lock{m_mutex};
  ++m_live.calls;
  ++m_live.minute_of(now).calls;
}

void Ledger::live_admitted(Instant now, std::int64_t tokens)
{
  const std::lock_guard lock{m_mutex};
  auto& minute = m_live.minute_of(now);
  ++minute.admitted;
  minute.tokens += tokens;
}

void Ledger::live_refused(Refusal why)
{
  const std::lock_guard lock{m_mutex};
  ++m_live.refused[why];
}

void Ledger::live_answered(Instant now, int status)
{
  const std::lock_guard lock{m_mutex};
  ++m_live.answers[status];
  if (status == 429) ++m_live.minute_of(now).answered_429;
}

void Ledger::live_unheard()
{
  const std::lock_guard lock{m_mutex};
  ++m_live.unheard;
}

std::int64_t Ledger::copies_of(const BodyCounts& body) const
{
  return std::max<std::int64_t>(m_copies, body.custom_ids);
}

void Ledger::called(const std::string& method, const std::string& route, bool answered)
{
  const std::lock_guard lock{m_mutex};
  auto& calls = m_calls[{method, route}];
  ++calls.calls;
  if (!answered) ++calls.unanswered;
}

void Ledger::begin(Activity activity)
{
  const std::lock_guard lock{m_mutex};
  auto& gauge = m_gauges[activity];
  gauge.peak = std::max(gauge.peak, ++gauge.now);
}

void Ledger::end(Activity activity)
{
  const std::lock_guard lock{m_mutex};
  --m_gauges[activity].now;
}

void Ledger::write_item_totals(json::Writer& w) const
{
  w.member("distinct_items", static_cast<std::int64_t>(m_items.size()));
  w.member("executed_twice", sum(m_items, [](const ItemCounts& item) { return item.executed > 1; }));
  w.member("billed_twice", sum(m_items, [](const ItemCounts& item) { return item.billed > 1; }));
  w.member("executed_again_after_success", sum(m_items, [](const ItemCounts& item) { return item.after_success; }));
}

void Ledger::write_body_totals(json::Writer& w) const
{
  const auto total = [&](std::string_view name, auto of) { w.member(name, sum(m_bodies, of)); };
  w.member("distinct_bodies", static_cast<std::int64_t>(m_bodies.size()));
  total("requests_executed", [](const BodyCounts& b) { return std::int64_t{b.batch_executed} + b.live_executed; });
  total("requests_billed", [](const BodyCounts& b) { return std::int64_t{b.batch_billed} + b.live_billed; });
  total("answers_delivered", [](const BodyCounts& b) { return b.delivered(); });
  total("answers_beyond_copies",
        [&](const BodyCounts& b) { return std::max<std::int64_t>(0, b.delivered() - copies_of(b)); });
  total("live_executed", [](const BodyCounts& b) { return b.live_executed; });
  total("live_billed", [](const BodyCounts& b) { return b.live_billed; });
  total("live_cut", [](const BodyCounts& b) { return b.live_cut; });
  total("live_again_after_answer", [](const BodyCounts& b) { return b.live_again; });
  total("batch_executed", [](const BodyCounts& b) { return b.batch_executed; });
  total("batch_billed", [](const BodyCounts& b) { return b.batch_billed; });
  total("batch_again_after_answer", [](const BodyCounts& b) { return b.batch_again; });
  total("executed_on_both_routes", [](const BodyCounts& b) { return b.batch_executed > 0 && b.live_executed > 0; });
  total("billed_on_both_routes", [](const BodyCounts& b) { return b.batch_billed > 0 && b.live_billed > 0; });
}

void Ledger::write_input_totals(json::Writer& w) const
{
  const auto total = [&](std::string_view name, auto of) { w.member(name, sum(m_inputs, of)); };
  w.member("distinct_inputs", static_cast<std::int64_t>(m_inputs.size()));
  total("inputs_executed", [](const InputCounts& input) { return input.executed; });
  total("inputs_billed", [](const InputCounts& input) { return input.billed; });
  total("inputs_delivered", [](const InputCounts& input) { return input.delivered(); });
  total("inputs_beyond_copies",
        [&](const InputCounts& input) { return std::max<std::int64_t>(0, input.delivered() - m_copies); });
}

void Ledger::write_live_totals(json::Writer& w) const
{
  const auto refused = [&](Refusal why) { return m_live.refused.count(why) ? m_live.refused.at(why) : 0; };
  w.member("live_calls", m_live.calls).member("live_unheard", m_live.unheard);
  w.member("live_refused_requests", refused(Refusal::requests));
  w.member("live_refused_tokens", refused(Refusal::tokens));
  w.member("live_refused_too_large", refused(Refusal::too_large));
  w.member("live_refused_flex", refused(Refusal::flex));
}

void Ledger::write_live_rows(json::Writer& w) const
{
  w.key("live_answers").begin_array();
  for (const auto& [status, answers] : m_live.answers)
    w.begin_object().member("status", status).member("answers", answers).end_object();
  w.end_array().key("live_minutes").begin_array();
  for (const auto& [number, minute] : m_live.minutes) {
    w.begin_object().member("minute", number).member("calls", minute.calls).member("admitted", minute.admitted);
    w.member("tokens", minute.tokens).member("answered_429", minute.answered_429).end_object();
  }
  w.end_array();
}

void Ledger::write_totals(json::Writer& w) const
{
  const std::lock_guard lock{m_mutex};
  write_item_totals(w);
  write_body_totals(w);
  write_input_totals(w);
  write_live_totals(w);
  const auto peak = [&](Activity a) { return m_gauges.count(a) ? m_gauges.at(a).peak : 0; };
  w.member("peak_connections", peak(Activity::connection)).member("peak_uploads", peak(Activity::upload));
  w.member("peak_downloads", peak(Activity::download)).member("peak_chats", peak(Activity::chat));
  w.member("peak_live", peak(Activity::live));
  write_live_rows(w);
  w.key("calls").begin_array();
  for (const auto& [what, calls] : m_calls) {
    w.begin_object().member("method", what.first).member("route", what.second);
    w.member("calls", calls.calls).member("unanswered", calls.unanswered).end_object();
  }
  w.end_array();
}

void Ledger::write_rows(json::Writer& w, const std::function<void()>& spill) const
{
  w.key("items");
  write_array(w, m_mutex, m_items, spill, [&](const ItemCounts& item) {
    w.member("met", item.met).member("executed", item.executed).member("billed", item.billed);
  });
  w.key("bodies");
  write_array(w, m_mutex, m_bodies, spill, [&](const BodyCounts& body) {
    w.member("met", body.met).member("custom_ids", body.custom_ids);
    w.member("batch_executed", body.batch_executed).member("batch_billed", body.batch_billed);
    w.member("live_executed", body.live_executed).member("live_billed", body.live_billed);
    w.member("live_cut", body.live_cut).member("live_again_after_answer", body.live_again);
    w.member("batch_again_after_answer", body.batch_again);
  });
  w.key("inputs");
  write_array(w, m_mutex, m_inputs, spill, [&](const InputCounts& input) {
    w.member("executed", input.executed).member("billed", input.billed).member("cut", input.cut);
  });
}

} // namespace batchwright::emulator
