#include <batchwright/base/background_writer.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

using namespace batchwright;

TEST_SUITE_BEGIN("base::background_writer");

TEST_CASE("all bytes come through in order, however they are cut")
{
  for (const std::size_t piece : {1'000, 262'143, 262'144, 262'145, 1'000'000}) {
    CAPTURE(piece);
    std::string expected;
    std::string seen;
    BackgroundWriter writer{[&](std::string_view bytes) { seen += bytes; }};
    for (int i = 0; i < 20; ++i) {
      const std::string bytes(piece, static_cast<char>('a' + i));
      expected += bytes;
      writer.write(bytes);
    }
    writer.finish();
    CHECK(seen == expected);
  }
}

TEST_CASE("little is written by whoever finishes, much by a thread of its own")
{
  std::thread::id by;
  BackgroundWriter little{[&](std::string_view) { by = std::this_thread::get_id(); }};
  little.write("few");
  little.finish();
  CHECK(by == std::this_thread::get_id());

  std::atomic<bool> is_own = true;
  BackgroundWriter much{[&, here = std::this_thread::get_id()](std::string_view bytes) {
    if (bytes.size() > 100'000) is_own = is_own && std::this_thread::get_id() != here;
  }};
  for (int i = 0; i < 5; ++i)
    much.write(std::string(262'144, 'x'));
  much.finish();
  CHECK(is_own);
}

TEST_CASE("what putting throws reaches the writer, once nothing more is put")
{
  std::atomic<int> puts = 0;
  BackgroundWriter writer{[&](std::string_view) {
    if (++puts == 2) throw std::runtime_error{"full"};
  }};
  const std::string block(300'000, 'x');
  const auto write_much = [&] {
    for (int i = 0; i < 100; ++i)
      writer.write(block);
    writer.finish();
  };
  CHECK_THROWS_WITH_AS(write_much(), "full", std::runtime_error);
  CHECK(puts == 2);
  CHECK_THROWS_AS(writer.finish(), std::runtime_error);
  CHECK(puts == 2);
}

TEST_CASE("one that is not finished drops what was not put, and ends")
{
  std::atomic<int> puts = 0;
  {
    BackgroundWriter writer{[&](std::string_view) { ++puts; }};
    writer.write("never");
  }
  CHECK(puts == 0);
  {
    BackgroundWriter writer{[&](std::string_view) { ++puts; }};
    for (int i = 0; i < 10; ++i)
      writer.write(std::string(262'144, 'x'));
  }
  CHECK(puts <= 10);
}

TEST_SUITE_END();
