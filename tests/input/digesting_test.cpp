#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/input/digesting.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <vector>

using namespace batchwright;

TEST_SUITE_BEGIN("input::digesting");

TEST_CASE("digests come to the inputs that lack one, and are those of pin()")
{
  const tests::FreshDirectory home;
  const auto one = home.file("one.csv", "a\n1\n");
  const auto two = home.file("two.jsonl", std::string(700'000, ' ') + "{}\n");
  std::filesystem::create_directory(home / "folder");
  home.file("folder/text", "words");
  std::vector inputs{input::look_at(one, InputFormat::automatic), input::look_at(home / "folder", InputFormat::files),
                     input::look_at(two, InputFormat::automatic)};
  CHECK(inputs[0].sha256.empty());
  CHECK_FALSE(inputs[1].sha256.empty()); // a folder has its size by its digest
  CHECK(inputs[2].bytes == 700'003);

  input::Digesting digesting{inputs};
  digesting.end(inputs);
  CHECK(inputs[0].sha256 == sha256_of_file(one));
  CHECK(inputs[2].sha256 == sha256_of_file(two));
  CHECK(inputs[1].sha256 == input::pin(home / "folder", InputFormat::files).sha256);
  const auto pinned = input::pin(two, InputFormat::automatic);
  CHECK(pinned.sha256 == inputs[2].sha256);
  CHECK(pinned.bytes == inputs[2].bytes);
  CHECK(pinned.format == InputFormat::jsonl);

  const auto before = inputs;
  digesting.end(inputs);
  CHECK(inputs[0].sha256 == before[0].sha256);
}

TEST_CASE("a file that is written to, or goes away, is told when the digests are asked for")
{
  const tests::FreshDirectory home;
  const auto file = home.file("file", "a\n");
  std::vector inputs{input::look_at(file, InputFormat::text)};
  const auto told = doctest::Contains("file: it was written to meanwhile");
  {
    input::Digesting digesting{inputs};
    std::ofstream{file, std::ios::app} << "more\n";
    CHECK_THROWS_WITH_AS(digesting.end(inputs), told, Error);
  }
  {
    input::Digesting digesting{inputs};
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() + std::chrono::hours{1});
    CHECK_THROWS_WITH_AS(digesting.end(inputs), told, Error); // as many bytes, but maybe other ones
  }
  CHECK(inputs.front().sha256.empty());
  std::filesystem::remove(file);
  CHECK_THROWS_AS(input::Digesting{inputs}.end(inputs), Error);
  home.file("file", "a\n");
  { // nobody asks: nothing is thrown
    const input::Digesting unasked{inputs};
  }
}

TEST_SUITE_END();
