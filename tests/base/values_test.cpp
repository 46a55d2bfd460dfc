#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/id.hpp>
#include <batchwright/base/sha256.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <set>

using namespace batchwright;

TEST_SUITE_BEGIN("base::values");

TEST_CASE("SHA-256 gives the digests that FIPS 180 prints")
{
  const auto digest = [](std::string_view text) {
    Sha256 sha;
    sha.update(text);
    return sha.hex();
  };
  CHECK(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
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

TEST_CASE("uuids are of version 4 and never the same")
{
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto uuid = make_uuid();
    CHECK(uuid.size() == 36);
    CHECK(uuid[14] == '4');
    seen.insert(uuid);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("each fault has the exit status of the contract")
{
  const auto status = [](Fault fault) { return static_cast<int>(exit_for(fault)); };
  CHECK(status(Fault::usage) == 64);
  CHECK(status(Fault::input) == 65);
  CHECK(status(Fault::auth) == 4);
  CHECK(status(Fault::rejected) == 1);
  CHECK(status(Fault::budget) == 8);
  CHECK(status(Fault::unfinished) == 5);
  CHECK(status(Fault::busy) == 75);
  CHECK(status(Fault::network) == 75);
  CHECK(status(Fault::storage) == 74);
  CHECK(status(Fault::newer_state) == 76);
  CHECK(status(Fault::config) == 78);
  CHECK(status(Fault::interrupted) == 130);
  CHECK(status(Fault::bug) == 1);
}

TEST_CASE("an error that is handed on keeps its kind, hint and place")
{
  const auto inner = Error{Fault::network, "connection reset", "try again"}.at({"a.csv", 3, 9});
  const auto outer = inner.in("uploading part 3");
  CHECK(std::string_view{outer.what()} == "uploading part 3: connection reset");
  CHECK(outer.fault() == Fault::network);
  CHECK(outer.hint() == "try again");
  REQUIRE(outer.place().has_value());
  CHECK(outer.place()->file == "a.csv");
  CHECK(outer.place()->line == 3);
  CHECK(outer.place()->byte == 9);
}

TEST_CASE("the system's words and a broken promise become errors")
{
  CHECK_NOTHROW(ensure(true, "fine"));
  CHECK_THROWS_WITH(ensure(false, "parts have numbers"), "internal promise broken: parts have numbers");
  errno = ENOSPC;
  CHECK_THROWS_WITH(throw_errno("writing", "/x"), "writing /x: No space left on device");
}

TEST_SUITE_END();
