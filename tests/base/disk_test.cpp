#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/disk.hpp>

#include <doctest/doctest.h>

#include <sys/statvfs.h>

using namespace batchwright;

TEST_SUITE_BEGIN("base::disk");

TEST_CASE("the room of a place that is not there yet is that of the directory above it")
{
  const tests::FreshDirectory dir;
  struct statvfs found = {};
  REQUIRE(::statvfs(dir.path().c_str(), &found) == 0);
  const auto free = free_space(dir / "a" / "b" / "c");
  CHECK(free > 0);
  CHECK(free <= static_cast<std::uint64_t>(found.f_blocks) * found.f_frsize);
}

TEST_CASE("file systems of other machines are known by their numbers, those of this one are none")
{
  const tests::FreshDirectory dir;
  CHECK(network_filesystem_of(dir / "not there yet").empty());
  CHECK(network_filesystem(0x6969) == "NFS");
  CHECK(network_filesystem(0xff534d42) == "CIFS");
  CHECK(network_filesystem(0x01021994).empty()); // tmpfs
  CHECK(network_filesystem(0xef53).empty());     // ext4
}

TEST_SUITE_END();
