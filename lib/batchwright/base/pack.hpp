// Bytes on their way into a packed file. Comes in: bytes. Goes out: gzip or zstd, to a sink. Memory is a block and what
// the packing needs. The other way: unpack.hpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

namespace batchwright {

enum class Packing : std::uint8_t {
  none,
  gzip,
  zstd
};

/// What a file's name says it is packed in: .gz, .zst, in letters of any case.
Packing packing_for(const std::filesystem::path& path);

/// A path without the extension that tells how it is packed.
std::filesystem::path unpacked_name(std::filesystem::path path);

class Packer {
public:
  Packer() = default;
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;
  virtual ~Packer() = default;

  virtual void write(std::string_view bytes) = 0;
  /// The rest. REQUIRED: the last call.
  virtual void end() = 0;
};

/// Packs what is written and hands it on; with `Packing::none` as it is.
std::unique_ptr<Packer> pack(Packing packing, std::function<void(std::string_view)> sink);

} // namespace batchwright
