#include <batchwright/emulator/fate.hpp>
#include <batchwright/emulator/hash.hpp>

#include <array>

namespace batchwright::emulator {
namespace {

constexpr std::array all_shares{
    Share{"fail_share", &Faults::fail_share, Fate::failed},
    Share{"never_ran_share", &Faults::never_ran_share, Fate::never_ran},
    Share{"transient_share", &Faults::transient_share, Fate::transient},
    Share{"drop_share", &Faults::drop_share, Fate::dropped},
    Share{"duplicate_share", &Faults::duplicate_share, Fate::duplicate},
    Share{"unreadable_share", &Faults::unreadable_share, Fate::unreadable},
    Share{"stranger_share", &Faults::stranger_share, Fate::stranger},
    Share{"garbage_share", &Faults::garbage_share, Fate::garbage},
    Share{"truncate_share", &Faults::truncate_share, Fate::truncated},
    Share{"refuse_share", &Faults::refuse_share, Fate::refused},
    Share{"content_filter_share", &Faults::content_filter_share, Fate::filtered},
    Share{"model_fail_share", &Faults::model_fail_share, Fate::model_failed},
    Share{"tool_call_share", &Faults::tool_call_share, Fate::tool_call},
};

} // namespace

std::span<const Share> shares()
{
  return all_shares;
}

Fate fate_of(const Faults& faults, std::uint64_t seed, std::string_view body_sha256, std::int64_t met)
{
  double at = chance_of(fnv1a(body_sha256), seed);
  for (const auto& s : shares()) {
    const double share = faults.*s.share;
    if (at >= share) {
      at -= share;
      continue;
    }
    const bool passes = s.fate == Fate::never_ran || s.fate == Fate::transient || s.fate == Fate::dropped;
    return passes && met >= faults.passing_after ? Fate::fine : s.fate;
  }
  return Fate::fine;
}

} // namespace batchwright::emulator
