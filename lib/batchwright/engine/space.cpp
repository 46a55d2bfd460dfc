#include <batchwright/base/disk.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/engine/due.hpp>
#include <batchwright/engine/space.hpp>
#include <batchwright/engine/workload.hpp>
#include <batchwright/money/tokens.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

namespace batchwright::engine {
namespace {

/// Of an answer line beside what the model says: ids, usage and the frame around them.
constexpr std::uint64_t bytes_per_answer = 800;
/// Text by a token of it, escapes included.
constexpr std::uint64_t bytes_per_token = 5;
/// A vector of 1,536 floats as base64, the commonest size.
constexpr std::uint64_t bytes_per_vector = 8'192;
/// Answers of text take so many times less when they are packed.
constexpr std::uint64_t packed_texts = 3;
/// Answers as they come, and as much again for what else is written.
constexpr std::uint64_t copies = 2;

/// What the answers of a part hold, where we know what was asked for.
Tokens expected_output(const Job& job, const Part& part)
{
  Tokens output;
  for (const auto& [model, work] : raw_work(job, {part}))
    output += work.usage.output;
  return output;
}

bool is_embedding(const Job& job, const Part& part)
{
  return endpoint_of(job, part) == "/v1/embeddings";
}

/// Those of the request files that stand at once and are not there yet.
std::uint64_t bytes_ahead(const Job& job, const std::vector<Part>& parts)
{
  std::vector<std::uint64_t> sizes;
  for (const auto& p : parts) {
    if (p.state == PartState::planned && p.sha256.empty()) sizes.push_back(p.bytes);
  }
  std::sort(sizes.begin(), sizes.end(), std::greater{});
  sizes.resize(std::min<std::size_t>(sizes.size(), static_cast<std::size_t>(built_ahead(job))));
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
}

std::string in_mib(std::uint64_t bytes)
{
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

} // namespace

std::uint64_t bytes_to_come(const Job& job, const std::vector<Part>& parts, Tokens output)
{
  std::uint64_t items = 0;
  std::uint64_t batched = 0;
  std::uint64_t vectors = 0;
  for (const auto& p : parts) {
    items += p.items;
    if (p.route == Route::batch) batched += p.items;
    if (is_embedding(job, p)) vectors += p.items;
  }
  // A bound is seldom reached: what is assumed without one is taken for what comes.
  const auto expected =
      std::clamp<std::int64_t>(output.n, 0, money::assumed_output.n * static_cast<std::int64_t>(items));
  const auto texts = items * bytes_per_answer + static_cast<std::uint64_t>(expected) * bytes_per_token;
  // In real time answers come into a journal, which is packed only at its end.
  const auto share = static_cast<double>(batched) / static_cast<double>(std::max<std::uint64_t>(items, 1));
  const auto packed = job.compress ? static_cast<std::uint64_t>(share * static_cast<double>(texts)) : 0;
  const auto answers = texts - packed + packed / packed_texts + vectors * bytes_per_vector;
  return bytes_ahead(job, parts) + answers * copies;
}

std::uint64_t bytes_to_come(const Job& job, const std::vector<Part>& parts)
{
  Tokens output;
  for (const auto& p : parts)
    output += expected_output(job, p);
  return bytes_to_come(job, parts, output);
}

std::string want_of_room(const Tools& tools, std::uint64_t bytes)
{
  const auto there = free_space(tools.layout.root());
  if (there >= bytes) return {};
  return fmt::format("the disk of {} has {} left, the job may bring {}", tools.layout.root().native(), in_mib(there),
                     in_mib(bytes));
}

void check_space(const Tools& tools, const std::string& job, std::uint64_t bytes)
{
  const auto want = want_of_room(tools, bytes);
  if (want.empty()) return;
  throw Error{Fault::disk, fmt::format("{}: {}; nothing was sent", job, want),
              "make room there, or name another place for jobs with --home"};
}

} // namespace batchwright::engine
