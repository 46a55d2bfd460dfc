#include <batchwright/base/sha256.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace batchwright;

TEST_SUITE_BEGIN("base::sha256");

namespace {

std::string digest_of(std::string_view text)
{
  Sha256 sha;
  sha.update(text);
  return sha.hex();
}

} // namespace

TEST_CASE("the digest is SHA-256")
{
  CHECK(digest_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("many threads make digests at once")
{
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20000; ++n)
        wrong += digest_of("abc").starts_with("ba7816bf") ? 0 : 1;
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(wrong == 0);
}
