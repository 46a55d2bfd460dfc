#include <batchwright/base/disk.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>

#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
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

constexpr std::int64_t in_user_space = 0x65735546;

// What file systems in user space mount themselves as.
constexpr std::array<std::string_view, 25> networks_in_user_space{
    "sshfs",
    "rclone",
    "s3fs",
    "mountpoint-s3",
    "goofys",
    "gcsfuse",
    "blobfuse",
    "blobfuse2",
    "glusterfs",
    "ceph-fuse",
    "ceph",
    "cephfs",
    "juicefs",
    "seaweedfs",
    "mfs",
    "curlftpfs",
    "smbnetfs",
    "davfs",
    "nfs",
    "fuse-nfs",
    "kio-fuse",
    "gvfsd-fuse",
    "google-drive-ocamlfuse",
    "fuse_dfs",
    "9p",
};

/// The next word of a line that has one space between words; takes it off.
std::string_view next_word(std::string_view& line)
{
  const auto end = line.find(' ');
  const auto word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

/// "8:1"; nothing of what is none.
std::optional<Device> device_of(std::string_view word)
{
  Device device;
  const auto* const end = word.data() + word.size();
  const auto major = std::from_chars(word.data(), end, device.major);
  if (major.ec != std::errc{} || major.ptr == end || *major.ptr != ':') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, device.minor);
  return minor.ec == std::errc{} && minor.ptr == end ? std::optional{device} : std::nullopt;
}

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

std::string_view network_mount(std::string_view mountinfo, const Device& device)
{
  while (!mountinfo.empty()) { // proc(5): id parent major:minor root place options [optional...] - type source options
    auto line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
    next_word(line);
    next_word(line);
    if (device_of(next_word(line)) != device) continue;
    while (!line.empty() && next_word(line) != "-")
      ;
    const auto type = next_word(line);
    const auto source = next_word(line);
    const bool tells = type.starts_with("fuse.");
    if (!tells && type != "fuse") continue;
    const auto name = tells ? type.substr(5) : source.substr(0, source.find('#'));
    const auto* const known = std::find(networks_in_user_space.begin(), networks_in_user_space.end(), name);
    if (known != networks_in_user_space.end()) return *known;
  }
  return {};
}

std::string_view network_filesystem_of(const fs::path& path)
{
  struct statfs found = {};
  const auto place = nearest(path);
  if (::statfs(place.c_str(), &found) != 0) throw_errno("looking at the file system of", place.native());
  const auto number = static_cast<std::int64_t>(static_cast<std::uint32_t>(found.f_type));
  if (number != in_user_space) return network_filesystem(number);
  constexpr auto mounts = "/proc/self/mountinfo";
  struct stat there = {};
  if (::stat(place.c_str(), &there) != 0) throw_errno("looking at the file system of", place.native());
  return network_mount(fs::exists(mounts) ? read_file(mounts) : std::string{},
                       {major(there.st_dev), minor(there.st_dev)});
}

} // namespace batchwright
