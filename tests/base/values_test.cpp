#include <batchwright/base/error.hpp>
#include <batchwright/base/id.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <set>
#include <vector>

using namespace batchwright;

TEST_SUITE_BEGIN("base::values");

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
  CHECK(status(Fault::disk) == 74);
  CHECK(status(Fault::newer_state) == 76);
  CHECK(status(Fault::config) == 78);
  CHECK(status(Fault::interrupted) == 130);
  CHECK(status(Fault::bug) == 1);
}

TEST_CASE("of several ends the gravest is told: signals, 76, 78, 74, 65, 4, 8, 75, 5, 3, 0")
{
  const std::vector order{Exit::terminated, Exit::newer_state, Exit::config, Exit::storage,
                          Exit::input,      Exit::auth,        Exit::budget, Exit::temporary,
                          Exit::unfinished, Exit::some_failed, Exit::ok};
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = i; j < order.size(); ++j) {
      CHECK(graver(order[i], order[j]) == order[i]);
      CHECK(graver(order[j], order[i]) == order[i]);
    }
  }
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
