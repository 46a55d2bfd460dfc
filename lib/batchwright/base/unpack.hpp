// The bytes of a file, whatever it is packed in: plain, gzip or zstd, told by its first bytes. Offsets count unpacked
// bytes. Memory is a block and what the unpacking needs (zstd: its window, 128 MiB at most). The other way: pack.hpp.
#pragma once

#include <batchwright/base/error.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace batchwright {

class Source {
public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// Up to `size` bytes into `to`; 0 at the end. Throws `Fault::storage`, and as open_source() says where the packing
  /// is broken or ends too soon.
  virtual std::size_t read(char* to, std::size_t size) = 0;
};

/// Whether what begins so is packed.
bool is_packed_head(std::string_view head);

/// Whether a file is packed: it is read unpacked. A folder is not. Throws `Fault::storage`.
bool is_packed(const std::string& path);

/// From this unpacked byte on: a plain file is sought in, one of frames (frames.hpp) is read from the frame that has
/// it, another packed one from its start. `broken`: what broken packing is, in a file of the user's bad input.
std::unique_ptr<Source> open_source(const std::string& path, std::uint64_t from = 0, Fault broken = Fault::input);

} // namespace batchwright
