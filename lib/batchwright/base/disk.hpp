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

/// That of the file system where a path stands, or will. Throws `Fault::storage`.
std::string_view network_filesystem_of(const std::filesystem::path& path);

} // namespace batchwright
