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

TEST_CASE("of file systems in user space those of other machines are known by the type they are mounted with")
{
  const std::string_view mounts =
      "21 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n"
      "40 21 0:51 / /home/u/far\\040away rw,nosuid shared:20 master:3 - fuse.sshfs u@host:/home/u rw,user_id=1000\n"
      "41 21 0:52 / /media/stick rw - fuseblk /dev/sdb1 rw\n"
      "42 21 0:53 / /home/u/sshfs rw - fuse.mergerfs sshfs:glusterfs rw\n"
      "43 21 0:54 / /mnt/bucket rw - fuse.gcsfuse bucket rw\n"
      "44 21 0:55 / /mnt/plain rw - fuse something rw\n"
      "45 21 0:5 / /mnt/ntfs rw - fuse.ntfs /dev/sdc1 rw\n"
      "46 21 0:56 / /mnt/cut rw - fuse.glusterfs\n"
      "47 21 0:57 / /mnt/old rw - fuse sshfs#u@host:/home/u rw\n"
      "48 21 0:58 / /mnt/s3 rw - fuse mountpoint-s3 rw";
  CHECK(network_mount(mounts, {0, 51}) == "sshfs");
  CHECK(network_mount(mounts, {0, 54}) == "gcsfuse");
  CHECK(network_mount(mounts, {0, 56}) == "glusterfs");
  CHECK(network_mount(mounts, {0, 57}) == "sshfs");
  CHECK(network_mount(mounts, {0, 58}) == "mountpoint-s3");
  for (const unsigned local : {52, 53, 55, 5, 99})
    CHECK(network_mount(mounts, {0, local}).empty());
  CHECK(network_mount(mounts, {8, 2}).empty());
  CHECK(network_mount(mounts, {51, 0}).empty());
  CHECK(network_mount("", {0, 51}).empty());
  CHECK(network_mount("\n\nx\n1 2 0: - \n1 2 0:51x / / - fuse.sshfs\n", {0, 51}).empty());
}

TEST_SUITE_END();
