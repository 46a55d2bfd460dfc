// What estimating tokens costs: `batchwright_bench_tokens RUNS FILE...`. Each run takes the files in turn, each so
// often behind itself that no cache holds it: estimates it, then adds up its bytes, which is what reading costs.
//
// Prints a line of JSON for each file: its bytes, its estimate, and both in megabytes a second, run by run.
#include <batchwright/money/tokens.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t more_than_caches = 96'000'000;

struct Text {
  std::string bytes = {};
  std::vector<double> estimated = {}; // MB/s
  std::vector<double> added_up = {};
};

std::string read(const char* path)
{
  std::ifstream in{path, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{in}, {}};
  if (bytes.empty()) {
    std::cerr << path << ": cannot be read, or holds nothing\n";
    std::exit(1);
  }
  return bytes;
}

std::string many_times(const std::string& text)
{
  std::string many;
  while (many.size() < more_than_caches)
    many += text;
  return many;
}

/// Megabytes a second. What `work` gives is looked at, so that it is done.
template<class Work>
double speed(std::string_view text, Work work)
{
  const auto begun = std::chrono::steady_clock::now();
  const volatile auto result = work(text);
  static_cast<void>(result);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  return static_cast<double>(text.size()) / took.count() / 1e6;
}

void run(Text& text)
{
  const auto many = many_times(text.bytes);
  text.estimated.push_back(speed(many, [](auto all) { return batchwright::money::estimate_tokens(all).n; }));
  text.added_up.push_back(speed(many, [](auto all) {
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0},
                           [](auto sum, char c) { return sum + static_cast<unsigned char>(c); });
  }));
}

} // namespace

int main(int argc, char** argv)
{
  const int runs = argc > 2 ? std::atoi(argv[1]) : 0;
  if (runs < 1) {
    std::cerr << "usage: batchwright_bench_tokens RUNS FILE...\n";
    return 64;
  }
  std::vector<Text> texts;
  for (int i = 2; i < argc; ++i)
    texts.push_back({.bytes = read(argv[i])});
  for (int i = 0; i < runs; ++i)
    for (auto& text : texts)
      run(text);
  for (const auto& text : texts) {
    std::cout << fmt::format(R"({{"bytes":{},"tokens":{},"estimated":[{:.0f}],"added_up":[{:.0f}]}})",
                             text.bytes.size(), batchwright::money::estimate_tokens(text.bytes).n,
                             fmt::join(text.estimated, ","), fmt::join(text.added_up, ","))
              << '\n';
  }
}
