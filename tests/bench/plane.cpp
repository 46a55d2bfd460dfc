// The steps that pass every byte of a job, one at a time, for `scripts/bench`, which measures the process:
//
//   batchwright_bench_plane build INPUT ITEMS OUT     the requests of one part, as many as there are items
//   batchwright_bench_plane submit INPUT DIRECTORY    all that a submit does before it sends: pins, plan, parts
//
// INPUT is JSON lines or CSV with the columns `id` and `text`. Prints the number of requests.
#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/wire/profile.hpp>

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace batchwright;

using Words = std::vector<std::string>;

Job job_of(PinnedInput input)
{
  Job job;
  job.inputs = {std::move(input)};
  job.request.model = "gpt-5.4-mini";
  job.request.prompt = "Positive or negative? {{text}}";
  job.limits = {.requests = wire::openai().requests_per_file, .bytes = wire::openai().default_bytes_per_part};
  return job;
}

/// Plain substitution: nothing is pinned, checked or planned before.
std::uint64_t build(const std::string& input, std::uint64_t items, const fs::path& out)
{
  const auto format = input.ends_with(".csv") ? InputFormat::csv : InputFormat::jsonl;
  const auto job = job_of({.path = fs::absolute(input).native(), .format = format, .bytes = fs::file_size(input)});
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

int run(const Words& words)
{
  if (words.size() == 4 && words[0] == "build") {
    std::cout << build(words[1], std::stoull(words[2]), words[3]) << '\n';
  } else if (words.size() == 3 && words[0] == "submit") {
    std::cout << submit(words[1], words[2]) << '\n';
  } else {
    std::cerr << "usage: batchwright_bench_plane build INPUT ITEMS OUT | submit INPUT DIRECTORY\n";
    return 64;
  }
  return 0;
}

} // namespace

int main(int argc, char** argv)
{
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
