#include <batchwright/wire/profile.hpp>

#include <array>

namespace batchwright::wire {
namespace {

constexpr std::array openai_words{
    StatusWord{"cancelling", BatchPhase::stopping}, StatusWord{"completed", BatchPhase::finished},
    StatusWord{"expired", BatchPhase::finished},    StatusWord{"cancelled", BatchPhase::finished},
    StatusWord{"failed", BatchPhase::refused},
};

} // namespace

const Profile& openai()
{
  static constexpr Profile profile{.status_words = openai_words};
  return profile;
}

BatchPhase phase(std::string_view status, const Profile& profile)
{
  for (const auto& known : profile.status_words) {
    if (known.word == status) return known.phase;
  }
  return BatchPhase::live;
}

} // namespace batchwright::wire
