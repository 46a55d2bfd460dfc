#include <batchwright/base/error.hpp>
#include <batchwright/base/pack.hpp>

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <string>
#include <utility>

namespace batchwright {
namespace {

using Sink = std::function<void(std::string_view)>;

constexpr std::size_t block_size = std::size_t{1} << 18;
constexpr int zstd_level = 3;

class PlainPacker : public Packer {
public:
  explicit PlainPacker(Sink sink) : m_sink(std::move(sink)) {}

  void write(std::string_view bytes) override { m_sink(bytes); }
  void end() override {}

private:
  Sink m_sink;
};

/// One member, without a name or a time in its head: the same bytes give the same file.
class GzipPacker : public Packer {
public:
  explicit GzipPacker(Sink sink) : m_sink(std::move(sink))
  {
    constexpr int gzip_head = 15 + 16;
    constexpr int memory_level = 8;
    ensure(deflateInit2(&m_stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_head, memory_level, Z_DEFAULT_STRATEGY) ==
               Z_OK,
           "zlib has memory");
  }
  ~GzipPacker() override { deflateEnd(&m_stream); }

  void write(std::string_view bytes) override
  {
    constexpr std::size_t most = std::size_t{1} << 30; // zlib counts in 32 bits
    while (!bytes.empty()) {
      run(bytes.substr(0, most), Z_NO_FLUSH);
      bytes.remove_prefix(std::min(most, bytes.size()));
    }
  }
  void end() override { run({}, Z_FINISH); }

private:
  void run(std::string_view bytes, int how)
  {
    // zlib reads through a pointer that is not const, and writes nothing there.
    m_stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    m_stream.avail_in = static_cast<uInt>(bytes.size());
    do {
      m_stream.next_out = reinterpret_cast<Bytef*>(m_block.data());
      m_stream.avail_out = static_cast<uInt>(m_block.size());
      ensure(deflate(&m_stream, how) != Z_STREAM_ERROR, "zlib packs");
      const auto made = m_block.size() - m_stream.avail_out;
      if (made > 0) m_sink({m_block.data(), made});
    } while (m_stream.avail_out == 0);
  }

  Sink m_sink;
  z_stream m_stream = {};
  std::string m_block = std::string(block_size, '\0');
};

class ZstdPacker : public Packer {
public:
  explicit ZstdPacker(Sink sink) : m_sink(std::move(sink)), m_stream(ZSTD_createCCtx(), ZSTD_freeCCtx)
  {
    ensure(m_stream != nullptr, "zstd has memory");
    check(ZSTD_CCtx_setParameter(m_stream.get(), ZSTD_c_compressionLevel, zstd_level));
    check(ZSTD_CCtx_setParameter(m_stream.get(), ZSTD_c_checksumFlag, 1));
  }

  void write(std::string_view bytes) override { run(bytes, ZSTD_e_continue); }
  void end() override { run({}, ZSTD_e_end); }

private:
  static std::size_t check(std::size_t said)
  {
    ensure(ZSTD_isError(said) == 0U, ZSTD_getErrorName(said));
    return said;
  }

  void run(std::string_view bytes, ZSTD_EndDirective how)
  {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{m_block.data(), m_block.size(), 0};
      const auto left = check(ZSTD_compressStream2(m_stream.get(), &out, &in, how));
      if (out.pos > 0) m_sink({m_block.data(), out.pos});
      if (how == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }

  Sink m_sink;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> m_stream;
  std::string m_block = std::string(block_size, '\0');
};

} // namespace

Packing packing_for(const std::filesystem::path& path)
{
  auto extension = path.extension().native();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (extension == ".gz") return Packing::gzip;
  return extension == ".zst" ? Packing::zstd : Packing::none;
}

std::filesystem::path unpacked_name(std::filesystem::path path)
{
  if (packing_for(path) != Packing::none) path.replace_extension();
  return path;
}

std::unique_ptr<Packer> pack(Packing packing, Sink sink)
{
  switch (packing) {
  case Packing::none:
    break;
  case Packing::gzip:
    return std::make_unique<GzipPacker>(std::move(sink));
  case Packing::zstd:
    return std::make_unique<ZstdPacker>(std::move(sink));
  }
  return std::make_unique<PlainPacker>(std::move(sink));
}

} // namespace batchwright
