#include "tests/bench/load.hpp"

#include <fmt/format.h>

#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace bench {
namespace {

double seconds(const timeval& time)
{
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

} // namespace

Load read_load(int argc, char** argv)
{
  if (argc < 4) {
    fmt::print(stderr, "usage: {} BASE_URL TOTAL IN_FLIGHT [CA_FILE]\n", argv[0]);
    std::exit(64);
  }
  return {argv[1], std::atoi(argv[2]), std::atoi(argv[3]), argc > 4 ? argv[4] : ""};
}

int run(const Load& load, const std::function<Send()>& make_send)
{
  std::atomic<int> next{0}, failed{0};
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < load.in_flight; ++i) {
    threads.emplace_back([&] {
      const auto send = make_send();
      while (next++ < load.total) {
        if (!send()) ++failed;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  fmt::print(R"({{"requests":{},"failed":{},"seconds":{:.2f},"requests_per_s":{:.0f},"cpu_s":{:.2f},"peak_rss_mb":{}}})"
             "\n",
             load.total, failed.load(), took.count(), load.total / took.count(),
             seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss / 1024);
  return failed == 0 ? 0 : 1;
}

} // namespace bench
