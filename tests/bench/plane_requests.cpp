#include "tests/bench/plane_requests.hpp"

#include <batchwright/input/digesting.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/wire/profile.hpp>

#include <fmt/format.h>

#include <atomic>
#include <future>

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
  auto job = job_of(input::look_at(input, InputFormat::automatic));
  job.request.id_column = "id";
  job.request.max_output_tokens = 200;
  job.request.set = {{"temperature", "0.2"}};
  requests::complete(job.request);
  input::Digesting digesting{job.inputs};
  const auto parts = requests::plan(job).parts;
  digesting.end(job.inputs);

  std::atomic<std::size_t> next = 0;
  std::atomic<std::uint64_t> built = 0;
  const auto work = [&] {
    for (auto i = next++; i < parts.size(); i = next++) {
      const auto name = directory / fmt::format("{:04}", parts[i].number);
      built +=
          requests::build(job, parts[i], {.requests = name.native() + ".jsonl", .digests = name.native() + ".digests"})
              .requests;
    }
  };
  auto other = std::async(std::launch::async, work); // two parts at once, as the engine builds them
  work();
  other.get();
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
