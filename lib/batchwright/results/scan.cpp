#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/results/scan.hpp>

#include <algorithm>

namespace batchwright::results {

Scan::Scan(const Members& members, Route route, std::string_view endpoint, const std::string& schema,
           Quarantine& quarantine)
    : m_members(members), m_route(route), m_endpoint(endpoint), m_quarantine(quarantine), m_picks(members.size())
{
  if (!schema.empty()) m_documents.emplace(schema);
}

std::uint64_t Scan::read(const std::filesystem::path& file)
{
  if (file.empty() || !std::filesystem::exists(file)) return 0;
  const auto source = m_sources.size();
  m_sources.push_back(file);
  std::uint64_t count = 0;
  LineReader lines{file};
  while (const auto line = lines.next()) {
    if (m_route == Route::realtime && !line->ended) break; // it is being written, or was when its writer was killed
    auto text = line->text;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (m_route == Route::realtime && is_journal_mark(text)) continue;
    take({source, line->offset, text.size()}, text);
    ++count;
  }
  return count;
}

void Scan::take(Span place, std::string_view line)
{
  if (!m_document.parse(line)) return take_unreadable(place, line);
  const auto answer = wire::read_answer(m_document.root(), m_endpoint);
  if (answer.custom_id.empty()) return take_unreadable(place, line);
  take_answer(place, line, answer);
}

/// The pick of a request's items. Null where another request was seen to have some of them: then it is none of ours.
Pick* Scan::pick_for(const Members::Places& places)
{
  const auto first = m_picks.begin() + static_cast<std::ptrdiff_t>(places.begin);
  if (first->rank != Pick::Rank::none) return first->items == places.items ? &*first : nullptr;
  const auto behind = first + static_cast<std::ptrdiff_t>(places.items);
  const auto is_taken = [](const Pick& p) { return p.is_inside || p.rank != Pick::Rank::none; };
  if (std::any_of(first, behind, is_taken)) return nullptr;
  std::for_each(first + 1, behind, [](Pick& p) { p.is_inside = true; });
  first->items = static_cast<std::uint32_t>(places.items);
  return &*first;
}

void Scan::take_answer(Span place, std::string_view line, const wire::Answer& answer)
{
  const auto items = m_members.find(answer.custom_id);
  auto* known = items ? pick_for(*items) : nullptr;
  if (!known) return quarantine("foreign_id", place, line, answer.custom_id);

  auto& pick = *known;
  const auto rank = answer.judgement == Judgement::success ? Pick::Rank::success : Pick::Rank::failure;
  if (rank <= pick.rank) return quarantine("duplicate", place, line, answer.custom_id);
  if (pick.rank == Pick::Rank::failure) quarantine_picked(pick, answer.custom_id);
  pick = {.rank = rank,
          .is_inside = false,
          .items = pick.items,
          .judgement = answer.judgement,
          .obstacle = answer.obstacle,
          .paid = answer.paid || (m_route == Route::realtime && is_code_of_lost(answer.code)),
          .breaks_schema = rank == Pick::Rank::success && m_documents && m_documents->violation(answer),
          .code = intern(answer.code),
          .tier = intern(std::string{answer.tier}),
          .made_at = answer.made_at.value_or(Instant{}),
          .line = place,
          .usage = answer.usage.value_or(Usage{})};
}

void Scan::take_unreadable(Span place, std::string_view line)
{
  ++m_unreadable;
  const auto custom_id = wire::salvage_custom_id(line).value_or("");
  quarantine("unreadable", place, line, custom_id);
  if (custom_id.empty()) {
    ++m_nameless;
    return;
  }
  const auto items = m_members.find(custom_id);
  auto* pick = items ? pick_for(*items) : nullptr;
  if (pick && pick->rank == Pick::Rank::none) {
    *pick = {.rank = Pick::Rank::unreadable,
             .is_inside = false,
             .items = pick->items,
             .judgement = Judgement::unusable,
             .obstacle = wire::Obstacle::none,
             .paid = true, // nobody can tell that it was not
             .breaks_schema = false,
             .code = intern(std::string{wire::code_unreadable}),
             .tier = 0,
             .made_at = {},
             .line = {},
             .usage = {}};
  }
}

void Scan::quarantine(std::string_view reason, Span place, std::string_view line, std::string_view custom_id)
{
  m_quarantine.add(reason, m_sources[place.source], place.offset, line, custom_id);
}

/// A line that counted until a better one came: it is read again, which is rare.
void Scan::quarantine_picked(const Pick& pick, std::string_view custom_id)
{
  LineReader lines{m_sources[pick.line.source], pick.line.offset};
  const auto line = lines.next();
  ensure(line && line->text.size() >= pick.line.length, "a line that was read is still there");
  quarantine("duplicate", pick.line, line->text.substr(0, pick.line.length), custom_id);
}

std::uint32_t Scan::intern(const std::string& word)
{
  const auto [entry, fresh] = m_word_numbers.try_emplace(word, static_cast<std::uint32_t>(m_words.size()));
  if (fresh) m_words.push_back(word);
  return entry->second;
}

} // namespace batchwright::results
