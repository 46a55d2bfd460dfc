#include <batchwright/input/input.hpp>
#include <batchwright/requests/probe.hpp>

#include <algorithm>
#include <limits>

namespace batchwright::requests {
namespace {

/// In so many items one weighs little, however uneven they are.
constexpr std::uint64_t counted_at_most = 10'000;

/// How many items there are, up to a bound.
std::uint64_t count_items(const Job& job, std::uint64_t at_most)
{
  const auto stream = input::open(job.inputs, {job.skip_bad, {}});
  std::uint64_t items = 0;
  while (items < at_most && stream->next())
    ++items;
  return items;
}

} // namespace

ProbeChoice::ProbeChoice(By by, std::uint64_t wanted, std::uint64_t whole) : m_by(by)
{
  const auto share = static_cast<double>(whole) / static_cast<double>(std::max<std::uint64_t>(1, wanted));
  for (std::uint64_t i = 0; i < wanted; ++i)
    m_places.push_back(static_cast<std::uint64_t>((static_cast<double>(i) + 0.5) * share));
}

ProbeChoice choose_probe(const Job& job, ProbeAsk ask, std::optional<std::uint64_t> bytes)
{
  const ProbeChoice none{ProbeChoice::By::items, 0, 0};
  if (ask.items == 0) return none;
  const auto at_most =
      bytes ? std::max({counted_at_most, ask.above + 1, ask.items}) : std::numeric_limits<std::uint64_t>::max();
  const auto items = count_items(job, at_most);
  if (items < at_most) return choose_probe(ask, items);
  return {ProbeChoice::By::bytes, ask.items, *bytes};
}

ProbeChoice choose_probe(ProbeAsk ask, std::uint64_t sent)
{
  const auto wanted = sent > ask.above ? std::min(ask.items, sent) : 0;
  return {ProbeChoice::By::items, wanted, sent};
}

} // namespace batchwright::requests
