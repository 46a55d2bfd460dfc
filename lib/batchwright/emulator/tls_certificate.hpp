// The certificate of a server that lives for a test: an authority and a leaf for localhost and 127.0.0.1, both made at
// start, so that no private key is ever kept anywhere.
#pragma once

#include <filesystem>

namespace batchwright::emulator {

struct TlsFiles {
  std::filesystem::path authority = {};   ///< PEM; what clients trust
  std::filesystem::path certificate = {}; ///< PEM of the leaf
  std::filesystem::path key = {};         ///< PEM of the leaf's key, mode 0600
};

/// Writes `ca.pem`, `server.pem` and `server.key` into the directory; valid for 30 days.
/// Throws `Error{Fault::storage}` when they cannot be written.
TlsFiles make_tls_files(const std::filesystem::path& directory);

} // namespace batchwright::emulator
