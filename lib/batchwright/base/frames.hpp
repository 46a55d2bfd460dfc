// Files that are packed so that any part of them can be read without what stands before it: zstd frames of so many
// unpacked bytes each, which tell how many they hold, with a checksum. `zstd -d` unpacks them as any other file. One
// that was cut holds what its whole frames hold.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/base/pack.hpp>
#include <batchwright/base/read_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace batchwright {

/// Unpacked bytes of a frame; the last one of a file has what is left.
inline constexpr std::size_t frame_size = std::size_t{256} * 1024;

/// What to do where such a file of ours is broken.
inline constexpr std::string_view hint_of_broken =
    "put it back from a copy; without it, what is not settled yet is downloaded again";

/// Packs what is written into frames, each handed on when it is full.
std::unique_ptr<Packer> pack_frames(std::function<void(std::string_view)> sink);

/// Packs a file into another, which appears whole or not at all, durably. Throws `Fault::storage`, `Fault::disk`.
void pack_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Where a frame stands.
struct Frame {
  std::uint64_t offset = 0; ///< of its first unpacked byte
  std::uint64_t size = 0;   ///< unpacked
  std::uint64_t packed_offset = 0;
  std::uint64_t packed_size = 0;
};

/// Walks over the frames of a file, from its start, unpacking none.
class FrameWalk {
public:
  /// Reads through `file`, which must not be read by others meanwhile.
  explicit FrameWalk(InputFile& file) : m_file(file) {}

  /// The next one; nothing at the end, and where what follows is cut, or is no frame as they are made here.
  std::optional<Frame> next();
  /// The frame as it stands; valid until next().
  std::string_view packed() const { return m_packed; }

private:
  bool read_on();

  InputFile& m_file;
  ReadBuffer m_buffer = {};
  std::string_view m_packed = {};
  Frame m_frame = {}; // the last one
};

/// Unpacks frames. Its memory is what zstd needs for one.
class FrameUnpacker {
public:
  FrameUnpacker();
  FrameUnpacker(const FrameUnpacker&) = delete;
  FrameUnpacker& operator=(const FrameUnpacker&) = delete;
  ~FrameUnpacker();

  /// Fills `to` with the bytes that a frame holds; false where it is broken, or holds another number of them.
  bool unpack(std::string_view packed, char* to, std::size_t size);

private:
  struct Context;
  std::unique_ptr<Context> m_context;
};

/// A whole file of frames, of which any part can be read. Memory: where the frames stand (32 bytes each), and one of
/// them. Throws `Fault::storage` where it cannot be read, is broken, or has other frames.
class FramedFile {
public:
  explicit FramedFile(const std::filesystem::path& path);

  std::uint64_t size() const; ///< unpacked
  const std::vector<Frame>& frames() const { return m_frames; }
  /// The number of the frame that has this byte. REQUIRED: it is in the file.
  std::size_t frame_at(std::uint64_t offset) const;
  /// Fills `to` with the bytes of a frame.
  void unpack(std::size_t frame, char* to);
  /// Fills `to` with the bytes from `offset` on; false where the file ends before.
  bool read_at(std::uint64_t offset, char* to, std::size_t size);

private:
  std::filesystem::path m_path;
  InputFile m_file;
  std::vector<Frame> m_frames = {};
  FrameUnpacker m_unpacker = {};
  std::vector<char> m_packed = {};
  std::vector<char> m_block = {};             // of one frame
  std::optional<std::size_t> m_in_block = {}; // which
};

} // namespace batchwright
