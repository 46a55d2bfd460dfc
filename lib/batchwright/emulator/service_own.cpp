// What the emulator answers beside the API: its ledger, its faults, its clock (emulator.hpp).

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/emulator/service.hpp>

#include <fmt/format.h>

namespace batchwright::emulator {
namespace {

constexpr std::int64_t farthest_ms = 10 * 365 * 86'400'000LL; // that the clock may be moved, in all

} // namespace

void Service::change(Faults faults)
{
  m_ledger.set_copies(faults.copies);
  m_limiter.change(faults.rate);
  m_setting.current.replace(std::move(faults), m_setting.now());
  m_batches.faults_changed();
}

void Service::advance(Millis by)
{
  m_setting.clock.advance(by);
  m_batches.clock_moved();
}

Reply Service::read_faults(Call&, const std::string&)
{
  const auto faults = m_setting.faults();
  return {.body = faults->source.empty() ? "{}" : faults->source};
}

Reply Service::change_faults(Call& call, const std::string& id)
{
  const auto body = read_body(call);
  if (body.refusal) return *body.refusal;
  try {
    change(parse_faults(body.text, "the body of PUT /emulator/faults"));
  } catch (const Error& e) {
    return error_reply(400, e.hint().empty() ? e.what() : fmt::format("{} ({})", e.what(), e.hint()));
  }
  return read_faults(call, id);
}

Reply Service::read_clock(Call&, const std::string&)
{
  Reply reply;
  json::Writer w{reply.body};
  w.begin_object().member("now_ms", m_setting.now().time_since_epoch().count());
  w.member("ahead_ms", m_setting.clock.ahead().count()).end_object();
  return reply;
}

Reply Service::move_clock(Call& call, const std::string& id)
{
  const auto body = read_body(call);
  if (body.refusal) return *body.refusal;
  json::Document document;
  if (!document.parse(body.text)) return no_json();
  const auto by = document.root().find("advance_ms");
  const auto n = by ? by->integer() : std::nullopt;
  if (!n || *n < 0 || *n > farthest_ms || m_setting.clock.ahead().count() + *n > farthest_ms) {
    return error_reply(400, fmt::format("\"advance_ms\": expected a whole number from 0, up to {} in all", farthest_ms),
                       {.param = "advance_ms"});
  }
  advance(Millis{*n});
  return read_clock(call, id);
}

Reply Service::read_ledger(Call& call, const std::string&)
{
  const auto items = call.query.find("items");
  if (items != call.query.end() && items->second == "1") return ledger_with_rows();
  return {.body = ledger_page()};
}

/// The ledger with its rows, by way of a file: there may be millions of them.
Reply Service::ledger_with_rows() const
{
  FilePiece page{.path = m_setting.directory / fresh_id("ledger-page-"), .afterwards = FilePiece::Afterwards::remove};
  AtomicFile file{page.path, AtomicFile::Durable::no};
  std::string text;
  const auto spill = [&] {
    file.write(text);
    text.clear();
  };
  json::Writer w{text};
  w.begin_object();
  write_ledger(w);
  m_ledger.write_rows(w, spill);
  w.end_object();
  spill();
  file.commit();
  page.length = file.size();
  return {.file = page};
}

std::string Service::ledger_page() const
{
  std::string out;
  json::Writer w{out};
  w.begin_object();
  write_ledger(w);
  w.end_object();
  return out;
}

void Service::write_ledger(json::Writer& w) const
{
  m_ledger.write_totals(w);
  m_files.write_ledger(w);
  m_batches.write_ledger(w);
}

} // namespace batchwright::emulator
