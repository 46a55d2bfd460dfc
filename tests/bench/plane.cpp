// The steps that pass every byte of a job, one at a time, for `scripts/bench`, which measures the process:
//
//   batchwright_bench_plane build INPUT ITEMS OUT     the requests of one part, as many as there are items
//   batchwright_bench_plane submit INPUT DIRECTORY    all that a submit does before it sends: pins, plan, parts
//   batchwright_bench_plane plan FILE...              the plan of ready-made requests
//   batchwright_bench_plane merge FORMAT ITEMS PARTS DOWNLOADS DIRECTORY [INPUT]
//                                                     settled and merged, as raw, jsonl, csv or npy
//
// INPUT is JSON lines or CSV with the columns `id` and `text`; of `merge` JSON lines, needed for csv. Prints the number
// of requests or items.
#include "tests/bench/plane_requests.hpp"
#include "tests/bench/plane_results.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Words = std::vector<std::string>;

constexpr auto usage =
    "usage: batchwright_bench_plane build INPUT ITEMS OUT | submit INPUT DIRECTORY | plan FILE... |\n"
    "       merge FORMAT ITEMS PARTS DOWNLOADS DIRECTORY [INPUT]\n";

std::uint64_t merge(const Words& words)
{
  const bench::Downloads downloads{.directory = words[4],
                                   .items = std::stoull(words[2]),
                                   .parts = std::stoull(words[3]),
                                   .input = words.size() > 6 ? words[6] : ""};
  return bench::settle_and_merge(downloads, batchwright::results::format_named(words[1]).value(), words[5]);
}

int run(const Words& words)
{
  const auto is = [&](const char* name, std::size_t least, std::size_t most) {
    return !words.empty() && words[0] == name && words.size() > least && words.size() <= most + 1;
  };
  if (is("build", 3, 3)) {
    std::cout << bench::build(words[1], std::stoull(words[2]), words[3]) << '\n';
  } else if (is("submit", 2, 2)) {
    std::cout << bench::submit(words[1], words[2]) << '\n';
  } else if (is("plan", 1, words.size())) {
    std::cout << bench::plan_ready_made({words.begin() + 1, words.end()}) << '\n';
  } else if (is("merge", 5, 6)) {
    std::cout << merge(words) << '\n';
  } else {
    std::cerr << usage;
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
