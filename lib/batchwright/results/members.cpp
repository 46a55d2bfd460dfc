#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/results/members.hpp>
#include <batchwright/wire/answer.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::results {
namespace {

Error not_ours(const std::filesystem::path& requests)
{
  return {Fault::bug,
          fmt::format("reading {}: it does not hold the part's requests or ids, one a line", requests.native())};
}

} // namespace

Members::Members(const Part& part, const SettleFiles& files, bool user_ids)
    : m_size(part.items), m_first(part.first), m_user_ids(user_ids)
{
  if (part.has_list()) {
    m_listed.reserve(m_size);
    input::Ordinals ordinals{part, files.ordinals};
    while (const auto ordinal = ordinals.next())
      m_listed.push_back(*ordinal);
  }
  ensure(m_listed.size() == (part.has_list() ? m_size : 0), "a part's list holds its items");
  if (!user_ids && !files.ids.empty()) m_hidden = listed_ids(files.ids);
  if (!user_ids) return;
  if (files.ids.empty()) {
    read_ids(files.requests);
  } else {
    m_ids = listed_ids(files.ids);
  }
  m_places.reserve(m_size);
  for (std::uint32_t place = 0; place < m_size; ++place)
    m_places.emplace(m_ids[place], place);
}

std::vector<std::string> Members::listed_ids(const std::filesystem::path& ids) const
{
  std::vector<std::string> found;
  found.reserve(m_size);
  LineReader lines{ids};
  json::Document document;
  while (const auto line = lines.next()) {
    const auto id = document.parse(line->text) ? document.root().text() : std::nullopt;
    if (!id || found.size() == m_size) throw not_ours(ids);
    found.push_back(*id);
  }
  if (found.size() != m_size) throw not_ours(ids);
  return found;
}

void Members::read_ids(const std::filesystem::path& requests)
{
  m_ids.reserve(m_size); // its strings stay where they are: m_places looks into them
  LineReader lines{requests};
  while (const auto line = lines.next()) {
    auto id = wire::salvage_custom_id(line->text);
    if (!id || m_ids.size() == m_size) throw not_ours(requests);
    m_ids.push_back(std::move(*id));
  }
  if (m_ids.size() != m_size) throw not_ours(requests);
}

std::optional<Members::Places> Members::find(std::string_view custom_id) const
{
  if (m_user_ids) {
    const auto found = m_places.find(custom_id);
    return found == m_places.end() ? std::nullopt : std::optional{Places{found->second, 1}};
  }
  const auto pack = pack_of(custom_id);
  const auto begin = pack ? find_ordinal(pack->runs.front().first) : std::nullopt;
  if (!begin || !stand_at(*begin, *pack)) return std::nullopt;
  return Places{*begin, pack->items()};
}

/// Whether these items, and no others between them, follow each other in the part.
bool Members::stand_at(std::size_t begin, const PackId& pack) const
{
  if (pack.items() > m_size - begin) return false;
  auto place = begin;
  for (const auto& run : pack.runs) {
    const auto behind = place + run.items;
    // Ordinals ascend: where the ends of a run stand as far apart as they are, all of it stands between them.
    if (ordinal(place) != run.first || ordinal(behind - 1) != run.last()) return false;
    place = behind;
  }
  return true;
}

std::optional<std::size_t> Members::find_ordinal(Ordinal ordinal) const
{
  if (m_listed.empty()) {
    return ordinal >= m_first && ordinal - m_first < m_size ? std::optional{ordinal - m_first} : std::nullopt;
  }
  const auto found = std::lower_bound(m_listed.begin(), m_listed.end(), ordinal);
  if (found == m_listed.end() || *found != ordinal) return std::nullopt;
  return static_cast<std::size_t>(found - m_listed.begin());
}

std::string Members::custom_id(std::size_t place) const
{
  if (m_user_ids) return m_ids[place];
  return hides_ids() ? m_hidden[place] : default_custom_id(ordinal(place));
}

} // namespace batchwright::results
