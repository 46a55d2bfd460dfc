#include <batchwright/base/open_files.hpp>

#include <doctest/doctest.h>

#include <sys/resource.h>

using namespace batchwright;

TEST_SUITE_BEGIN("base::open_files");

TEST_CASE("the limit of open files is raised to what the system allows, and told")
{
  rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  auto low = before;
  low.rlim_cur = 200;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  CHECK(raise_open_files() == before.rlim_max);
  rlimit after = {};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_SUITE_END();
