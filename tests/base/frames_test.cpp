#include "tests/support/fresh_directory.hpp"
#include "tests/support/packing.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/frames.hpp>
#include <batchwright/base/unpack.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

using namespace batchwright;

namespace {

/// Lines that pack, but not to nothing.
std::string text_of(std::size_t size)
{
  std::mt19937 random{7};
  std::string text;
  while (text.size() < size)
    text += fmt::format("{{\"custom_id\":\"{}\",\"said\":\"{:x}\"}}\n", text.size(), random());
  text.resize(size);
  return text;
}

std::string framed(std::string_view text, std::size_t step = 1 << 20)
{
  std::string all;
  const auto packer = pack_frames([&](std::string_view bytes) { all += bytes; });
  for (std::size_t at = 0; at < text.size(); at += step)
    packer->write(text.substr(at, step));
  packer->end();
  return all;
}

std::string read_from(const std::string& path, std::uint64_t from)
{
  const auto source = open_source(path, from);
  std::string text;
  std::string block(100'000, '\0');
  while (const auto n = source->read(block.data(), block.size()))
    text.append(block, 0, n);
  return text;
}

std::vector<Frame> frames_of(const std::filesystem::path& path)
{
  InputFile file{path};
  FrameWalk walk{file};
  std::vector<Frame> frames;
  while (const auto frame = walk.next())
    frames.push_back(*frame);
  return frames;
}

} // namespace

TEST_SUITE_BEGIN("base::frames");

TEST_CASE("what is packed in frames is read from any byte on, and as any other zstd file")
{
  const tests::FreshDirectory dir;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, frame_size - 1, frame_size, frame_size + 1,
                                 3 * frame_size, 5 * frame_size + 77'777}) {
    CAPTURE(size);
    const auto text = text_of(size);
    const auto bytes = framed(text);
    CHECK(bytes == framed(text, 997));
    if (size > 1000) CHECK(bytes.size() < size / 2);
    const auto file = dir.file("x.zst", bytes);
    CHECK(frames_of(file).size() == (size + frame_size - 1) / frame_size);
    FramedFile framed{file};
    CHECK(framed.size() == size);
    for (const std::size_t from : {std::size_t{0}, size / 3, frame_size - 1, frame_size, 2 * frame_size + 1, size}) {
      if (from > size) continue;
      CAPTURE(from);
      CHECK(read_from(file.native(), from) == text.substr(from));
      std::string piece(std::min<std::size_t>(size - from, 300'000), '\0');
      CHECK(framed.read_at(from, piece.data(), piece.size()));
      CHECK(piece == text.substr(from, piece.size()));
    }
    std::string more(size + 1, '\0');
    CHECK_FALSE(framed.read_at(0, more.data(), more.size()));
    CHECK_FALSE(framed.read_at(size + 1, more.data(), 0));
  }
}

TEST_CASE("lines of a packed file have the places that they have unpacked")
{
  const tests::FreshDirectory dir;
  const auto text = text_of(3 * frame_size);
  const auto plain = dir.file("plain", text);
  const auto packed = dir.file("packed", framed(text));
  LineReader expected{plain};
  LineReader lines{packed};
  std::uint64_t last = 0;
  while (const auto line = expected.next()) {
    const auto same = lines.next();
    REQUIRE(same);
    REQUIRE(same->text == line->text);
    REQUIRE(same->offset == line->offset);
    last = line->offset;
  }
  CHECK_FALSE(lines.next());
  LineReader from_there{packed, last};
  const auto line = from_there.next();
  REQUIRE(line);
  CHECK(line->offset == last);
  CHECK(line->text == text.substr(last));
}

TEST_CASE("of a file that was cut, the whole frames are there, and no more")
{
  const tests::FreshDirectory dir;
  const auto text = text_of(3 * frame_size);
  const auto bytes = framed(text);
  const auto all = frames_of(dir.file("x", bytes));
  REQUIRE(all.size() == 3);
  for (const auto cut :
       {all[2].packed_offset + all[2].packed_size - 1, all[2].packed_offset + 1, all[2].packed_offset + 20}) {
    CAPTURE(cut);
    const auto file = dir.file("cut", bytes.substr(0, cut));
    CHECK(frames_of(file).size() == 2);
    CHECK_THROWS_WITH_AS(FramedFile{file}, doctest::Contains("is not as it was packed"), Error);
    CHECK_THROWS_AS(read_from(file.native(), 0), Error);
  }
  CHECK(frames_of(dir.file("cut", bytes.substr(0, all[2].packed_offset))).size() == 2);
}

TEST_CASE("a frame that was changed on the disk is refused")
{
  const tests::FreshDirectory dir;
  const auto text = text_of(2 * frame_size);
  auto bytes = framed(text);
  const auto second = frames_of(dir.file("x", bytes)).back();
  bytes[second.packed_offset + second.packed_size / 2] ^= 1;
  const auto path = dir.file("x", bytes);
  FramedFile file{path};
  std::string block(frame_size, '\0');
  file.unpack(0, block.data());
  CHECK(block == text.substr(0, frame_size));
  try {
    file.unpack(1, block.data());
    FAIL("broken bytes were taken");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::storage);
    CHECK(std::string{error.what()}.find(path.native()) != std::string::npos);
  }
  LineReader lines{path};
  const auto read_all = [&] {
    while (lines.next()) {
    }
  };
  CHECK_THROWS_AS(read_all(), Error);
}

TEST_CASE("other zstd files are read from any byte on, too")
{
  const tests::FreshDirectory dir;
  const auto text = text_of(2 * frame_size);
  for (const auto& bytes :
       {tests::zstandard(text), tests::zstandard(text.substr(0, 1000)) + tests::zstandard(text.substr(1000)),
        framed(text.substr(0, 1000)) + tests::zstandard(text.substr(1000))}) {
    const auto file = dir.file("x", bytes);
    for (const std::size_t from : {std::size_t{0}, std::size_t{999}, std::size_t{1000}, text.size() - 1})
      CHECK(read_from(file.native(), from) == text.substr(from));
  }
  CHECK_THROWS_AS(FramedFile{dir.file("x", tests::zstandard(text))}, Error);
  CHECK(frames_of(dir.file("x", text)).empty());
}

TEST_CASE("a file is packed into another")
{
  const tests::FreshDirectory dir;
  const auto text = text_of(2 * frame_size + 5);
  pack_file(dir.file("plain", text), dir / "packed");
  CHECK(tests::slurp(dir / "packed") == framed(text));
  pack_file(dir.file("empty", ""), dir / "packed");
  CHECK(std::filesystem::file_size(dir / "packed") == 0);
}

TEST_SUITE_END();
