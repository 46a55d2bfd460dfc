#include <batchwright/base/files.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/results/in_flight.hpp>
#include <batchwright/wire/answer.hpp>

#include <algorithm>
#include <filesystem>

namespace batchwright::results {
namespace {

/// Of each request of the part, whether it may be billed though no answer came.
std::vector<bool> requests_in_flight(const Part& part, const std::filesystem::path& journal)
{
  std::vector<JournalTrail> trails(part.requests);
  LineReader lines{journal};
  while (const auto line = lines.next()) {
    const auto ours = read_journal_line(line->text);
    if (ours && ours->request < trails.size()) trails[ours->request].take(*ours);
  }
  std::vector<bool> found(trails.size());
  std::transform(trails.begin(), trails.end(), found.begin(),
                 [](const JournalTrail& trail) { return !trail.answered() && trail.may_be_billed(); });
  return found;
}

/// The items of those requests, where a request may have several: its line names them.
std::vector<bool> items_of(const std::vector<bool>& requests, const std::filesystem::path& file, const Members& members)
{
  std::vector<bool> items(members.size());
  LineReader lines{file};
  for (const bool was_in_flight : requests) {
    const auto line = lines.next();
    if (!line) break;
    const auto id = was_in_flight ? wire::salvage_custom_id(line->text) : std::nullopt;
    const auto places = id ? members.find(*id) : std::nullopt;
    if (places) std::fill_n(items.begin() + static_cast<std::ptrdiff_t>(places->begin), places->items, true);
  }
  return items;
}

} // namespace

std::vector<bool> items_in_flight(const Part& part, const SettleFiles& files, const Members& members)
{
  if (files.output.empty() || !std::filesystem::exists(files.output)) return {};
  auto requests = requests_in_flight(part, files.output);
  if (std::find(requests.begin(), requests.end(), true) == requests.end()) return {};
  return part.requests == part.items ? requests : items_of(requests, files.requests, members);
}

} // namespace batchwright::results
