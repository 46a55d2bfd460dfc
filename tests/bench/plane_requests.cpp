#include "tests/bench/plane_requests.hpp"

#include <batchwright/input/input.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/wire/profile.hpp>

#include <fmt/format.h>

namespace bench {
namespace {

namespace fs = std::filesystem;
using namespace batchwright;

PartLimits limits()
{
  return {.requests = wire::openai().requests_per_file, .bytes = wire::openai().default_bytes_per_part};
}

Job job_of(PinnedInput input)
{
  Job job;
  job.inputs = {std::move(input)};
  job.request.model = "gpt-5.4-mini";
  job.request.prompt = "Positive or negative? {{text}}";
  job.limits = limits();
  return job;
}

/// Without its digest, which is no work of the step's.
PinnedInput unpinned(const std::string& path, InputFormat format)
{
  return {.path = fs::absolute(path).native(), .format = format, .bytes = fs::file_size(path)};
}

} // namespace

std::uint64_t build(const std::string& input, std::uint64_t items, const fs::path& out)
{
  const auto format = input.ends_with(".csv") ? InputFormat::csv : InputFormat::jsonl;
  const auto job = job_of(unpinned(input, format));
  const Part part{.last = items - 1, .items = items, .requests = items};
  return requests::build(job, part, {.requests = out}).requests;
}

std::uint64_t submit(const std::string& input, const fs::path& directory)
{
  auto job = job_of(input::pin(input, InputFormat::automatic));
  job.request.id_column = "id";
  job.request.max_output_tokens = 200;
  job.request.set = {{"temperature", "0.2"}};
  requests::complete(job.request);
  std::uint64_t built = 0;
  for (const auto& part : requests::plan(job).parts) {
    const auto name = fmt::format("{:04}", part.number);
    built += requests::build(job, part,
                             {.requests = directory / (name + ".jsonl"), .digests = directory / (name + ".digests")})
                 .requests;
  }
  return built;
}

std::uint64_t plan_ready_made(const std::vector<std::string>& files)
{
  Job job;
  job.request.endpoint.clear(); // the lines name it
  job.limits = limits();
  for (const auto& file : files)
    job.inputs.push_back(unpinned(file, InputFormat::requests));
  return requests::plan(job).items;
}

} // namespace bench
