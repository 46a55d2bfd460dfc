#include <batchwright/base/disk.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/engine/due.hpp>
#include <batchwright/engine/space.hpp>
#include <batchwright/money/tokens.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace batchwright::engine {
namespace {

/// Of an answer line beside what the model says: ids, usage and the frame around them.
constexpr std::uint64_t bytes_per_answer = 800;
/// Text by a token of it, escapes included.
constexpr std::uint64_t bytes_per_token = 5;
/// A vector of 1,536 floats as base64, the commonest size.
constexpr std::uint64_t bytes_per_vector = 8'192;
/// Answers as they come, and once more as outcomes.
constexpr std::uint64_t copies = 2;

std::string in_mib(std::uint64_t bytes)
{
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

} // namespace

std::uint64_t bytes_to_come(const Draft& draft)
{
  std::vector<std::uint64_t> sizes;
  for (const auto& p : draft.parts)
    sizes.push_back(p.bytes);
  const auto ahead = std::min<std::size_t>(sizes.size(), static_cast<std::size_t>(built_ahead));
  std::partial_sort(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(ahead), sizes.end(), std::greater{});
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < ahead; ++i)
    sum += sizes[i];

  auto answers = draft.job.items * bytes_per_answer;
  if (draft.job.request.endpoint == "/v1/embeddings") answers += draft.job.items * bytes_per_vector;
  // A bound is seldom reached: what is assumed without one is taken for what comes.
  const auto expected = std::min<std::int64_t>(draft.output_tokens.n,
                                               money::assumed_output.n * static_cast<std::int64_t>(draft.job.items));
  answers += static_cast<std::uint64_t>(std::max<std::int64_t>(0, expected)) * bytes_per_token;
  return sum + answers * copies;
}

void check_space(const Tools& tools, const Draft& draft)
{
  const auto wanted = bytes_to_come(draft);
  const auto there = free_space(tools.layout.root());
  if (there >= wanted) return;
  throw Error{Fault::storage,
              fmt::format("{}: the disk of {} has {} left, the job may bring {}; nothing was sent", draft.job.name,
                          tools.layout.root().native(), in_mib(there), in_mib(wanted)),
              "make room there, or name another place for jobs with --home"};
}

} // namespace batchwright::engine
