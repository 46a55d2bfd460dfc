#include <batchwright/base/disk.hpp>
#include <batchwright/base/error.hpp>

#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <utility>

namespace batchwright {
namespace {

namespace fs = std::filesystem;

/// The path, or the nearest directory above it that is there.
fs::path nearest(const fs::path& path)
{
  auto place = fs::absolute(path);
  while (!fs::exists(place) && place.has_relative_path())
    place = place.parent_path();
  return place;
}

// linux/magic.h, and the kernel's sources for those that are not in it.
constexpr std::array<std::pair<std::int64_t, std::string_view>, 11> networks{{
    {0x6969, "NFS"},
    {0x517b, "SMB"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x73757245, "Coda"},
    {0x00c36400, "Ceph"},
    {0x01021997, "9P"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
}};

} // namespace

std::uint64_t free_space(const fs::path& path)
{
  struct statvfs found = {};
  const auto place = nearest(path);
  if (::statvfs(place.c_str(), &found) != 0) throw_errno("looking at the file system of", place.native());
  return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

std::string_view network_filesystem(std::int64_t number)
{
  const auto* const known =
      std::find_if(networks.begin(), networks.end(), [&](const auto& row) { return row.first == number; });
  return known == networks.end() ? std::string_view{} : known->second;
}

std::string_view network_filesystem_of(const fs::path& path)
{
  struct statfs found = {};
  const auto place = nearest(path);
  if (::statfs(place.c_str(), &found) != 0) throw_errno("looking at the file system of", place.native());
  return network_filesystem(static_cast<std::int64_t>(static_cast<std::uint32_t>(found.f_type)));
}

} // namespace batchwright
