#include <batchwright/base/error.hpp>
#include <batchwright/base/frames.hpp>

#include <fmt/format.h>

#include <zstd.h>

#include <algorithm>
#include <utility>

namespace batchwright {
namespace {

constexpr int level = 3;
constexpr std::size_t block_size = std::size_t{1} << 18;

std::size_t checked(std::size_t said)
{
  ensure(ZSTD_isError(said) == 0U, ZSTD_getErrorName(said));
  return said;
}

class FramePacker : public Packer {
public:
  explicit FramePacker(std::function<void(std::string_view)> sink)
      : m_sink(std::move(sink)),
        m_context(ZSTD_createCCtx(), ZSTD_freeCCtx),
        m_frame(frame_size),
        m_packed(ZSTD_compressBound(frame_size))
  {
    ensure(m_context != nullptr, "zstd has memory");
    checked(ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_compressionLevel, level));
    checked(ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_checksumFlag, 1));
  }

  void write(std::string_view bytes) override
  {
    while (!bytes.empty()) {
      const auto n = std::min(bytes.size(), m_frame.size() - m_used);
      std::copy_n(bytes.data(), n, m_frame.data() + m_used);
      m_used += n;
      bytes.remove_prefix(n);
      if (m_used == m_frame.size()) hand_on();
    }
  }

  void end() override
  {
    if (m_used > 0) hand_on();
  }

private:
  void hand_on()
  {
    const auto size =
        checked(ZSTD_compress2(m_context.get(), m_packed.data(), m_packed.size(), m_frame.data(), m_used));
    m_used = 0; // whatever becomes of it: what is written next does not stand behind it twice
    m_sink({m_packed.data(), size});
  }

  std::function<void(std::string_view)> m_sink;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> m_context;
  std::vector<char> m_frame;
  std::vector<char> m_packed;
  std::size_t m_used = 0; // of m_frame
};

} // namespace

std::unique_ptr<Packer> pack_frames(std::function<void(std::string_view)> sink)
{
  return std::make_unique<FramePacker>(std::move(sink));
}

void pack_file(const std::filesystem::path& from, const std::filesystem::path& to)
{
  InputFile plain{from};
  AtomicFile file{to};
  const auto packer = pack_frames([&file](std::string_view bytes) { file.write(bytes); });
  std::vector<char> block(block_size);
  while (const auto n = plain.read(block.data(), block.size()))
    packer->write({block.data(), n});
  packer->end();
  file.commit();
}

std::optional<Frame> FrameWalk::next()
{
  m_buffer.drop(std::exchange(m_packed, {}).size());
  for (;;) {
    const auto view = m_buffer.view();
    const auto size = ZSTD_getFrameContentSize(view.data(), view.size());
    const bool has_head = size != ZSTD_CONTENTSIZE_ERROR;
    if (has_head && (size == ZSTD_CONTENTSIZE_UNKNOWN || size > frame_size)) return std::nullopt;
    const auto packed_size = has_head ? ZSTD_findFrameCompressedSize(view.data(), view.size()) : 0;
    if (has_head && ZSTD_isError(packed_size) == 0U) {
      m_packed = view.substr(0, packed_size);
      m_frame = {.offset = m_frame.offset + m_frame.size,
                 .size = size,
                 .packed_offset = m_frame.packed_offset + m_frame.packed_size,
                 .packed_size = packed_size};
      return m_frame;
    }
    if (view.size() > ZSTD_compressBound(frame_size) || !read_on()) return std::nullopt; // something else, or cut
  }
}

bool FrameWalk::read_on()
{
  const auto n = m_file.read(m_buffer.room(block_size), block_size);
  m_buffer.add(n);
  return n > 0;
}

struct FrameUnpacker::Context {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd{ZSTD_createDCtx(), ZSTD_freeDCtx};
};

FrameUnpacker::FrameUnpacker() : m_context(std::make_unique<Context>())
{
  ensure(m_context->zstd != nullptr, "zstd has memory");
}

FrameUnpacker::~FrameUnpacker() = default;

bool FrameUnpacker::unpack(std::string_view packed, char* to, std::size_t size)
{
  return ZSTD_decompressDCtx(m_context->zstd.get(), to, size, packed.data(), packed.size()) == size;
}

FramedFile::FramedFile(const std::filesystem::path& path) : m_path(path), m_file(path)
{
  FrameWalk walk{m_file};
  while (const auto frame = walk.next())
    m_frames.push_back(*frame);
  const auto end = m_frames.empty() ? 0 : m_frames.back().packed_offset + m_frames.back().packed_size;
  if (end != m_file.size()) {
    throw Error{Fault::storage,
                fmt::format("reading {}: what stands from byte {} on is not as it was packed", path.native(), end),
                std::string{hint_of_broken}};
  }
}

std::uint64_t FramedFile::size() const
{
  return m_frames.empty() ? 0 : m_frames.back().offset + m_frames.back().size;
}

std::size_t FramedFile::frame_at(std::uint64_t offset) const
{
  const auto behind = std::upper_bound(m_frames.begin(), m_frames.end(), offset,
                                       [](std::uint64_t at, const Frame& frame) { return at < frame.offset; });
  return static_cast<std::size_t>(behind - m_frames.begin()) - 1;
}

void FramedFile::unpack(std::size_t number, char* to)
{
  const auto& frame = m_frames[number];
  m_packed.resize(frame.packed_size);
  if (m_file.read_at(frame.packed_offset, m_packed.data(), m_packed.size()) &&
      m_unpacker.unpack({m_packed.data(), m_packed.size()}, to, frame.size))
    return;
  throw Error{Fault::storage,
              fmt::format("reading {}: the packed data is broken at byte {}", m_path.native(), frame.packed_offset),
              std::string{hint_of_broken}};
}

bool FramedFile::read_at(std::uint64_t offset, char* to, std::size_t size)
{
  if (size > this->size() || offset > this->size() - size) return false;
  while (size > 0) {
    const auto number = frame_at(offset);
    const auto& frame = m_frames[number];
    if (m_in_block != number) {
      m_block.resize(frame.size);
      m_in_block.reset();
      unpack(number, m_block.data());
      m_in_block = number;
    }
    const auto begin = static_cast<std::size_t>(offset - frame.offset);
    const auto n = std::min(size, m_block.size() - begin);
    std::copy_n(m_block.data() + begin, n, to);
    to += n;
    size -= n;
    offset += n;
  }
  return true;
}

} // namespace batchwright
