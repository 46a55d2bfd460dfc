#include <batchwright/base/error.hpp>
#include <batchwright/model/pack_id.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace batchwright {
namespace {

constexpr std::string_view id_prefix = "bw-";
constexpr auto last_ordinal = std::numeric_limits<Ordinal>::max();

/// Reads a number off the front of a text; nothing where none stands there, or one too large.
std::optional<std::uint64_t> take_number(std::string_view& text)
{
  std::uint64_t number = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return number;
}

bool take_sign(std::string_view& text, char sign)
{
  if (!text.starts_with(sign)) return false;
  text.remove_prefix(1);
  return true;
}

/// Reads a run off the front of a text: how far behind `from` it begins, and how many items it has.
std::optional<PackId::Run> take_run(std::string_view& text, Ordinal from)
{
  const auto distance = take_number(text);
  const auto items = take_sign(text, 'x') ? take_number(text) : std::optional<std::uint64_t>{1};
  if (!distance || !items || *distance > last_ordinal - from) return std::nullopt;
  const PackId::Run run{from + *distance, *items};
  return run.items > 0 && run.items - 1 <= last_ordinal - run.first ? std::optional{run} : std::nullopt;
}

} // namespace

std::uint64_t PackId::items() const
{
  std::uint64_t sum = 0;
  for (const auto& run : runs)
    sum += run.items;
  return sum;
}

void PackId::add(Ordinal ordinal)
{
  ensure(runs.empty() || ordinal > runs.back().last(), "the items of a pack ascend");
  if (!runs.empty() && ordinal - runs.back().last() == 1) {
    ++runs.back().items;
  } else {
    runs.push_back({ordinal, 1});
  }
}

std::string default_custom_id(Ordinal ordinal)
{
  constexpr std::size_t least_digits = 10;
  std::array<char, 20> digits{};
  const auto* const end = std::to_chars(digits.begin(), digits.end(), ordinal).ptr;
  const auto size = static_cast<std::size_t>(end - digits.data());
  std::string id{id_prefix};
  id.append(least_digits - std::min(least_digits, size), '0');
  return id.append(digits.data(), size);
}

std::string pack_custom_id(Ordinal first, std::uint64_t items)
{
  return items == 1 ? default_custom_id(first) : fmt::format("{}x{}", default_custom_id(first), items);
}

std::string pack_custom_id(const PackId& pack)
{
  ensure(!pack.runs.empty(), "a pack has an item");
  auto id = pack_custom_id(pack.runs.front().first, pack.runs.front().items);
  for (std::size_t i = 1; i < pack.runs.size(); ++i) {
    const auto& run = pack.runs[i];
    fmt::format_to(std::back_inserter(id), "_{}", run.first - pack.runs[i - 1].last() - 1);
    if (run.items > 1) fmt::format_to(std::back_inserter(id), "x{}", run.items);
  }
  return id;
}

std::optional<PackId> pack_of(std::string_view custom_id)
{
  if (!custom_id.starts_with(id_prefix) || custom_id.size() > longest_pack_id) return std::nullopt;
  auto rest = custom_id.substr(id_prefix.size());
  PackId pack;
  Ordinal from = 0;
  do {
    const auto run = take_run(rest, from);
    // Runs that touch would be one, and none stands behind the last ordinal, where `from` is 0 again.
    if (!run || (!pack.runs.empty() && (run->first <= from || from == 0))) return std::nullopt;
    pack.runs.push_back(*run);
    from = run->last() + 1;
  } while (take_sign(rest, '_'));
  // Numbers have no other spelling than ours: no leading zeros, and no `x1`.
  const bool is_ours = rest.empty() && pack.items() <= most_pack_items && custom_id == pack_custom_id(pack);
  return is_ours ? std::optional{std::move(pack)} : std::nullopt;
}

} // namespace batchwright
