#include "tests/support/file_size_limit.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/digested_file.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <random>
#include <string>

using namespace batchwright;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t block = 1 << 18;

bool is_empty(const tests::FreshDirectory& directory)
{
  return fs::directory_iterator{directory.path()} == fs::directory_iterator{};
}

std::string digest_of(std::string_view bytes)
{
  Sha256 sha;
  sha.update(bytes);
  return sha.hex();
}

std::string random_bytes(std::mt19937& random, std::size_t size)
{
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; at += 509) // enough that no two blocks are alike
    bytes[at] = static_cast<char>(random());
  return bytes;
}

/// What `act` fails with.
template<class Act>
std::optional<Fault> fault_of(Act&& act)
{
  try {
    act();
  } catch (const Error& e) {
    return e.fault();
  }
  return std::nullopt;
}

} // namespace

TEST_SUITE_BEGIN("base::digested_file");

TEST_CASE("its bytes and digest are those that were written, however they came")
{
  const tests::FreshDirectory dir;
  std::mt19937 random{1};
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, block - 1, block, block + 1, 2 * block, 3 * block + 7,
                                 4 * block, 9 * block - 1, 40 * block + 3}) {
    for (const std::size_t piece : {std::size_t{997}, block - 1, block, block + 1, 5 * block}) {
      CAPTURE(size);
      CAPTURE(piece);
      const auto bytes = random_bytes(random, size);
      DigestedFile file{dir / "out"};
      for (std::size_t at = 0; at < size; at += piece)
        file.write(std::string_view{bytes}.substr(at, piece));
      CHECK(file.size() == size);
      CHECK(file.sha256() == digest_of(bytes));
      CHECK_FALSE(fs::exists(dir / "out"));
      file.commit();
      REQUIRE(tests::slurp(dir / "out") == bytes);
      fs::remove(dir / "out");
      CHECK(is_empty(dir));
    }
  }
}

TEST_CASE("what is not committed leaves nothing, at whatever time it is given up")
{
  const tests::FreshDirectory dir;
  const std::string bytes(block, 'x');
  for (std::size_t blocks = 0; blocks < 8; ++blocks) {
    DigestedFile given_up{dir / "out"};
    DigestedFile digested{dir / "out"};
    for (std::size_t i = 0; i < blocks; ++i) {
      given_up.write(bytes);
      digested.write(bytes);
    }
    given_up.write("and a little");
    digested.sha256();
    for (std::size_t i = 0; i < blocks; ++i)
      digested.write(bytes);
  }
  CHECK(is_empty(dir));
}

TEST_CASE("of a full disk write or sha256 tells, once and again, and nothing is left")
{
  const tests::FreshDirectory dir;
  const std::string bytes(block, 'x');
  for (const std::size_t room : {std::size_t{0}, std::size_t{1000}, block, 3 * block, 5 * block + 1}) {
    for (std::size_t blocks = room / block + 2; blocks < 12; blocks += 3) {
      CAPTURE(room);
      CAPTURE(blocks);
      const tests::FileSizeLimit full{room};
      DigestedFile file{dir / "out"};
      std::optional<Fault> told;
      for (std::size_t i = 0; i < blocks; ++i) {
        const auto fault = fault_of([&] { file.write(bytes); });
        if (told) CHECK(fault == told); // what failed stays so
        if (fault) told = fault;
      }
      const auto at_last = fault_of([&] { file.sha256(); });
      CHECK(at_last == Fault::disk);
      if (told) CHECK(told == Fault::disk);
      CHECK(fault_of([&] { file.sha256(); }) == Fault::disk);
    }
    CHECK(is_empty(dir));
  }
}

TEST_CASE("who goes on writing to a full disk hears of it, and is never left to wait")
{
  const tests::FreshDirectory dir;
  const tests::FileSizeLimit full{block};
  const std::string bytes(block, 'x');
  DigestedFile file{dir / "out"};
  int told = 0;
  for (int i = 0; i < 200; ++i)
    told += fault_of([&] { file.write(bytes); }) ? 1 : 0;
  CHECK(told > 190);
  CHECK(fault_of([&] { file.sha256(); }) == Fault::disk);
  CHECK(fault_of([&] { file.write(bytes); }) == Fault::disk);
  CHECK(fault_of([&] { file.write(bytes); }) == Fault::disk);
}

TEST_CASE("a small one on a full disk fails where its bytes go to the disk")
{
  const tests::FreshDirectory dir;
  {
    const tests::FileSizeLimit full{10};
    DigestedFile file{dir / "out"};
    file.write("more bytes than there is room for");
    file.sha256();
    CHECK(fault_of([&] { file.commit(); }) == Fault::disk);
  }
  CHECK(is_empty(dir));
  CHECK(fault_of([&] { DigestedFile{dir / "no" / "out"}; }).has_value());
}

TEST_SUITE_END();
