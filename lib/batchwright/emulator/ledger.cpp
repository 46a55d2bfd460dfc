#include <batchwright/base/error.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/emulator/ledger.hpp>

#include <algorithm>
#include <charconv>

namespace batchwright::emulator {
namespace {

std::uint64_t hex_number(std::string_view digits)
{
  std::uint64_t n = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), n, 16);
  return n;
}

std::string sha256_of(std::string_view text)
{
  Sha256 sha;
  sha.update(text);
  return sha.hex();
}

} // namespace

Ledger::Ledger(const std::filesystem::path& directory)
    : m_names_path(directory / "ledger-items.jsonl"),
      m_names(m_names_path, std::ios::binary | std::ios::trunc),
      m_table(1024)
{
  if (!m_names) throw_errno("creating", m_names_path.native());
}

Ledger::Item Ledger::meet(std::string_view custom_id, std::string_view body)
{
  Sha256 sha;
  sha.update(custom_id);
  sha.update(std::string_view{"\0", 1});
  sha.update(body);
  const auto digest = sha.hex();
  const std::lock_guard lock{m_mutex};
  const auto known = m_entries.size();
  const auto row =
      row_of(hex_number(std::string_view{digest}.substr(0, 16)), hex_number(std::string_view{digest}.substr(16, 16)));
  if (m_entries.size() > known) {
    std::string line;
    json::Writer w{line};
    w.begin_object().key("custom_id").raw(custom_id).member("body_sha256", sha256_of(body)).end_object();
    m_names << line << '\n';
  }
  return {.row = row, .met = m_entries[row].met++};
}

void Ledger::ran(const Item& item, bool billed)
{
  const std::lock_guard lock{m_mutex};
  auto& entry = m_entries[item.row];
  ++entry.executed;
  if (entry.billed > 0) entry.after_success = true;
  if (billed) ++entry.billed;
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

std::uint32_t Ledger::row_of(std::uint64_t high, std::uint64_t low)
{
  if ((m_entries.size() + 1) * 2 > m_table.size()) grow();
  const auto mask = m_table.size() - 1;
  for (auto at = low & mask;; at = (at + 1) & mask) {
    if (m_table[at] == 0) {
      m_entries.push_back({.high = high, .low = low});
      m_table[at] = static_cast<std::uint32_t>(m_entries.size());
      return m_table[at] - 1;
    }
    const auto& entry = m_entries[m_table[at] - 1];
    if (entry.high == high && entry.low == low) return m_table[at] - 1;
  }
}

void Ledger::grow()
{
  std::vector<std::uint32_t> table(m_table.size() * 2);
  const auto mask = table.size() - 1;
  for (std::size_t row = 0; row < m_entries.size(); ++row) {
    auto at = m_entries[row].low & mask;
    while (table[at] != 0)
      at = (at + 1) & mask;
    table[at] = static_cast<std::uint32_t>(row + 1);
  }
  m_table = std::move(table);
}

void Ledger::write_totals(json::Writer& w) const
{
  const std::lock_guard lock{m_mutex};
  std::int64_t executed = 0, billed = 0, twice = 0, billed_twice = 0, again = 0;
  for (const auto& entry : m_entries) {
    executed += entry.executed;
    billed += entry.billed;
    twice += entry.executed > 1 ? 1 : 0;
    billed_twice += entry.billed > 1 ? 1 : 0;
    again += entry.after_success ? 1 : 0;
  }
  w.member("distinct_items", static_cast<std::int64_t>(m_entries.size()));
  w.member("requests_executed", executed).member("requests_billed", billed);
  w.member("executed_twice", twice).member("billed_twice", billed_twice);
  w.member("executed_again_after_success", again);
  const auto peak = [&](Activity a) { return m_gauges.count(a) ? m_gauges.at(a).peak : 0; };
  w.member("peak_connections", peak(Activity::connection)).member("peak_uploads", peak(Activity::upload));
  w.member("peak_downloads", peak(Activity::download)).member("peak_chats", peak(Activity::chat));
  w.key("calls").begin_array();
  for (const auto& [what, calls] : m_calls) {
    w.begin_object().member("method", what.first).member("route", what.second);
    w.member("calls", calls.calls).member("unanswered", calls.unanswered).end_object();
  }
  w.end_array();
}

void Ledger::write_items(json::Writer& w) const
{
  const std::lock_guard lock{m_mutex};
  m_names.flush();
  LineReader names{m_names_path};
  w.key("items").begin_array();
  for (const auto& entry : m_entries) {
    const auto name = names.next();
    ensure(name.has_value(), "the ledger has a name for each of its items");
    json::Document document;
    ensure(document.parse(name->text), "the ledger's names are JSON");
    w.begin_object().key("custom_id").raw(document.root().find("custom_id")->raw());
    w.key("body_sha256").raw(document.root().find("body_sha256")->raw());
    w.member("met", entry.met).member("executed", entry.executed).member("billed", entry.billed).end_object();
  }
  w.end_array();
}

} // namespace batchwright::emulator
