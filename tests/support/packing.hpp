// Texts packed as gzip and zstd pack them, made with the libraries themselves.
#pragma once

#include <doctest/doctest.h>

#include <zlib.h>
#include <zstd.h>

#include <string>

namespace tests {

/// One gzip member.
inline std::string gzipped(const std::string& text)
{
  z_stream stream = {};
  constexpr int with_gzip_header = 15 + 16;
  REQUIRE(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, with_gzip_header, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// One zstd frame.
inline std::string zstandard(const std::string& text)
{
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const auto size = ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1);
  REQUIRE(ZSTD_isError(size) == 0U);
  packed.resize(size);
  return packed;
}

} // namespace tests
