#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/frames.hpp>
#include <batchwright/base/unpack.hpp>

#include <fmt/format.h>

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace batchwright {
namespace {

constexpr std::string_view gzip_magic = "\x1f\x8b";
constexpr std::string_view zstd_magic = "\x28\xb5\x2f\xfd";
constexpr std::size_t packed_block = std::size_t{1} << 18;

std::string first_bytes(const std::string& path)
{
  std::string head(8, '\0');
  head.resize(InputFile{path}.read(head.data(), head.size()));
  return head;
}

class PlainSource : public Source {
public:
  PlainSource(const std::string& path, std::uint64_t from) : m_file(path)
  {
    if (from > 0) m_file.seek(from);
  }

  std::size_t read(char* to, std::size_t size) override { return m_file.read(to, size); }

private:
  InputFile m_file;
};

/// What the ways of packing have in common: packed bytes at hand, and what is said when they are broken.
class PackedSource : public Source {
protected:
  PackedSource(const std::string& path, Fault fault) : m_path(path), m_fault(fault), m_file(path), m_block(packed_block)
  {
  }

  /// The packed bytes at hand, more of them read where none are left; empty at the end of the file.
  std::string_view packed()
  {
    if (m_rest.empty()) m_rest = {m_block.data(), m_file.read(m_block.data(), m_block.size())};
    return m_rest;
  }
  void take(std::size_t n) { m_rest.remove_prefix(n); }
  InputFile& file() { return m_file; }

  [[noreturn]] void broken(std::string_view how) const
  {
    const bool is_users = m_fault == Fault::input;
    const std::string hint{is_users ? "unpack it by hand to see what is left of it" : hint_of_broken};
    throw Error{m_fault, fmt::format("reading {}: {}", m_path, how), hint}.at({m_path, 0, {}});
  }
  [[noreturn]] void cut() const { broken("the compressed data ends too soon: the file is not whole"); }

private:
  std::string m_path;
  Fault m_fault;
  InputFile m_file;
  std::vector<char> m_block;
  std::string_view m_rest = {};
};

/// One or several members, as gzip's own tools read them.
class GzipSource : public PackedSource {
public:
  GzipSource(const std::string& path, Fault fault) : PackedSource(path, fault)
  {
    constexpr int gzip_only = 15 + 16;
    if (inflateInit2(&m_stream, gzip_only) != Z_OK) broken("zlib has no memory");
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  ~GzipSource() override { inflateEnd(&m_stream); }

  std::size_t read(char* to, std::size_t size) override
  {
    std::size_t done = 0;
    while (done == 0) {
      const auto packed = this->packed();
      if (packed.empty() && m_between) return 0;
      if (packed.empty()) cut();
      done = inflate_some(packed, to, size);
    }
    return done;
  }

private:
  std::size_t inflate_some(std::string_view packed, char* to, std::size_t size)
  {
    if (m_between) inflateReset(&m_stream);
    // zlib reads through a pointer that is not const, and writes nothing there.
    m_stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    m_stream.avail_in = static_cast<uInt>(packed.size());
    m_stream.next_out = reinterpret_cast<Bytef*>(to);
    m_stream.avail_out = static_cast<uInt>(std::min<std::size_t>(size, 1U << 30));
    const auto room = m_stream.avail_out;
    const int said = inflate(&m_stream, Z_NO_FLUSH);
    if (said != Z_OK && said != Z_STREAM_END && said != Z_BUF_ERROR) broken("the gzip data is broken");
    m_between = said == Z_STREAM_END;
    take(packed.size() - m_stream.avail_in);
    return room - m_stream.avail_out;
  }

  z_stream m_stream = {};
  bool m_between = true; // before the first member, or behind the end of one
};

/// One or several frames.
class ZstdSource : public PackedSource {
public:
  ZstdSource(const std::string& path, Fault fault)
      : PackedSource(path, fault), m_stream(ZSTD_createDStream(), ZSTD_freeDStream)
  {
  }

  /// Passes over the frames that end before an unpacked byte; how many bytes they have. REQUIRED: nothing was read.
  std::uint64_t pass_frames(std::uint64_t before)
  {
    Frame passed;
    FrameWalk walk{file()};
    for (auto frame = walk.next(); frame && frame->offset + frame->size <= before; frame = walk.next())
      passed = *frame;
    file().seek(passed.packed_offset + passed.packed_size);
    return passed.offset + passed.size;
  }

  std::size_t read(char* to, std::size_t size) override
  {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      const auto packed = this->packed();
      if (packed.empty() && m_between) return 0;
      ZSTD_inBuffer in{packed.data(), packed.size(), 0};
      const auto said = ZSTD_decompressStream(m_stream.get(), &out, &in);
      if (ZSTD_isError(said) != 0U) broken(fmt::format("the zstd data is broken: {}", ZSTD_getErrorName(said)));
      take(in.pos);
      m_between = said == 0;
      if (packed.empty() && out.pos == 0 && !m_between) cut();
    }
    return out.pos;
  }

private:
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> m_stream;
  bool m_between = true; // at the start, or behind the end of a frame
};

/// Reads up to a place that cannot be sought.
void pass(Source& source, std::uint64_t bytes)
{
  std::vector<char> block(packed_block);
  while (bytes > 0) {
    const auto n = source.read(block.data(), std::min<std::uint64_t>(bytes, block.size()));
    if (n == 0) return;
    bytes -= n;
  }
}

} // namespace

bool is_packed(const std::string& path)
{
  if (std::filesystem::is_directory(path)) return false;
  return is_packed_head(first_bytes(path));
}

bool is_packed_head(std::string_view head)
{
  return head.starts_with(gzip_magic) || head.starts_with(zstd_magic);
}

std::unique_ptr<Source> open_source(const std::string& path, std::uint64_t from, Fault broken)
{
  const auto head = first_bytes(path);
  if (head.starts_with(gzip_magic)) {
    auto source = std::make_unique<GzipSource>(path, broken);
    pass(*source, from);
    return source;
  }
  if (head.starts_with(zstd_magic)) {
    auto source = std::make_unique<ZstdSource>(path, broken);
    const auto passed = from > 0 ? source->pass_frames(from) : 0;
    pass(*source, from - passed);
    return source;
  }
  return std::make_unique<PlainSource>(path, from);
}

} // namespace batchwright
