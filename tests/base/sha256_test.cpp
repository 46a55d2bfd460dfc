#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/sha256.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
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

TEST_CASE("SHA-256 gives the digests that FIPS 180 prints")
{
  CHECK(digest_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("a digest does not depend on how the bytes came")
{
  const tests::FreshDirectory home;
  const std::string million(1'000'000, 'a');
  const auto expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
  Sha256 sha;
  for (std::size_t at = 0; at < million.size(); at += 777)
    sha.update(std::string_view{million}.substr(at, 777));
  Sha256 moved = std::move(sha);
  CHECK(moved.hex() == expected);
  CHECK(sha256_of_file(home.file("in", million)) == expected);
  CHECK_THROWS_AS(sha256_of_file(home / "missing"), Error);
}

TEST_CASE("a digest that was given begins anew, as words or as bytes, and a file has that of its bytes")
{
  const tests::FreshDirectory home;
  Sha256 again;
  for (const std::size_t size : {0u, 1u, 55u, 56u, 63u, 64u, 65u, 1000u, (1u << 20) - 1, 1u << 20, (1u << 20) + 1}) {
    CAPTURE(size);
    const std::string bytes(size, static_cast<char>(size));
    const auto expected = digest_of(bytes);
    again.update(bytes);
    CHECK(again.hex() == expected);
    for (const char c : std::string_view{bytes}.substr(0, 70))
      again.update({&c, 1});
    again.update(std::string_view{bytes}.substr(std::min<std::size_t>(size, 70)));
    std::string as_words;
    for (const auto byte : again.take())
      as_words += fmt::format("{:02x}", byte);
    CHECK(as_words == expected);
    CHECK(sha256_of_file(home.file("in", bytes)) == expected);
  }
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
