// What a file system is and has: its free space, and whether it is one of another machine's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace batchwright {

/// Bytes that this user may still write where a path stands, or will. Throws `Fault::storage`.
std::uint64_t free_space(const std::filesystem::path& path);

/// The name of a network file system by its number in statfs(2), "NFS"; empty for all others.
std::string_view network_filesystem(std::int64_t number);

/// A device as the kernel numbers it.
struct Device {
  unsigned major = 0;
  unsigned minor = 0;

  bool operator==(const Device&) const = default;
};

/// The same of a file system in user space, which all have one number: by its type in the mounts that
/// /proc/self/mountinfo lists, "sshfs" of `fuse.sshfs`, or, of plain `fuse`, by what it mounts, "sshfs#host:". Those
/// that are not known to be of another machine are local.
std::string_view network_mount(std::string_view mountinfo, const Device& device);

/// That of the file system where a path stands, or will. Throws `Fault::storage`.
std::string_view network_filesystem_of(const std::filesystem::path& path);

} // namespace batchwright
