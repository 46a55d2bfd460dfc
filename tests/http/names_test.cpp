#include <batchwright/http/names.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace batchwright;
using namespace batchwright::http;

namespace {

/// A resolver that counts, and a time that passes by hand.
struct Resolving {
  std::atomic<int> lookups{0};
  std::atomic<bool> works{true};
  std::atomic<bool> waits{false};
  Uptime now{std::chrono::hours{1}};
  Names names{"api.example",
              [this](const std::string& host) -> Addresses {
                const auto number = ++lookups;
                while (waits)
                  std::this_thread::yield();
                if (!works) throw Broken{Broken::How::failed, "no such host: " + host};
                return {"10.0.0." + std::to_string(number)};
              },
              [this] { return now; }};
};

} // namespace

TEST_SUITE_BEGIN("http::names");

TEST_CASE_FIXTURE(Resolving, "a name is looked up again only after a while")
{
  CHECK(names.find().addresses == Addresses{"10.0.0.1"});
  now += Names::kept;
  CHECK(names.find().addresses == Addresses{"10.0.0.1"});
  now += std::chrono::milliseconds{1};
  CHECK(names.find().addresses == Addresses{"10.0.0.2"});
}

TEST_CASE_FIXTURE(Resolving, "addresses that did not answer are looked up again, once for all who found them so")
{
  const auto first = names.find();
  names.forget(first.lookup);
  const auto second = names.find();
  CHECK(second.addresses == Addresses{"10.0.0.2"});
  names.forget(first.lookup);
  CHECK(names.find().addresses == Addresses{"10.0.0.2"});
  names.forget(second.lookup);
  CHECK(names.find().addresses == Addresses{"10.0.0.3"});
}

TEST_CASE_FIXTURE(Resolving, "many who ask at once share one lookup, and its failure, which is not kept")
{
  waits = true;
  works = false;
  std::atomic<int> refused{0}, begun{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&] {
      ++begun;
      try {
        names.find();
      } catch (const Broken& trouble) {
        if (std::string{trouble.what()} == "no such host: api.example") ++refused;
      }
    });
  }
  while (begun < 50)
    std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds{50});
  waits = false;
  for (auto& thread : threads)
    thread.join();
  CHECK(refused == 50);
  CHECK(lookups < 10); // one, but for threads that were slow to ask
  works = true;
  CHECK(names.find().addresses.size() == 1);
}

TEST_SUITE_END();
