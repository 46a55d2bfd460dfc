#include "tests/support/fresh_directory.hpp"

#include <batchwright/emulator/capped_lines.hpp>
#include <batchwright/emulator/chat.hpp>
#include <batchwright/emulator/validation.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace batchwright;
using emulator::CappedLines;

TEST_SUITE_BEGIN("emulator::lines");

namespace {

const auto endpoint = emulator::chat_endpoint();

std::string line_of(const std::string& custom_id, const std::string& text)
{
  return R"({"custom_id":")" + custom_id + R"(","method":"POST","url":")" + std::string{endpoint.path} +
         R"(","body":{"model":"m","messages":[{"role":"user","content":")" + text + "\"}]}}\n";
}

std::vector<std::string> codes_of(const emulator::Checked& checked)
{
  std::vector<std::string> codes;
  for (const auto& error : checked.errors)
    codes.push_back(error.code + (error.line ? "@" + std::to_string(*error.line) : ""));
  return codes;
}

} // namespace

TEST_CASE("lines come whole up to the cap, and by their length beyond it")
{
  const tests::FreshDirectory directory;
  constexpr std::size_t block = 1 << 16;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, block - 1, block, block + 1, 2 * block}) {
    const std::string first(size, 'a');
    const auto path = directory.file("lines", first + "\n\n" + std::string(block + 2, 'b') + "\nend");
    CappedLines lines{path, block + 1};
    const auto a = lines.next();
    REQUIRE(a);
    CHECK(a->length == size);
    CHECK(a->too_long == (size > block + 1));
    CHECK(a->text == (size > block + 1 ? "" : first));
    CHECK(lines.next()->text.empty());
    const auto b = lines.next();
    CHECK(b->too_long);
    CHECK(b->length == block + 2);
    CHECK(b->offset == size + 2);
    const auto end = lines.next();
    CHECK(end->text == "end");
    CHECK(end->offset == size + block + 5);
    CHECK_FALSE(lines.next());
  }
  CappedLines none{directory.file("empty", ""), 10};
  CHECK_FALSE(none.next());
}

TEST_CASE("a line over 16 MiB is named, and the others are checked")
{
  const tests::FreshDirectory directory;
  const auto path = directory.file("in.jsonl", line_of("a", "x") + line_of("b", std::string(16 << 20, 'x')) + "{\n");
  const auto checked = emulator::check_input(path, endpoint);
  CHECK(codes_of(checked) == std::vector<std::string>{"invalid_request@2", "invalid_json_line@3"});
}

TEST_CASE("a file over the limit is refused by its size, and by nothing else")
{
  const tests::FreshDirectory directory;
  const auto path = directory.file("in.jsonl", line_of("a", "x"));
  std::filesystem::resize_file(path, emulator::most_bytes + 1); // zeros, which are no JSON
  const auto checked = emulator::check_input(path, endpoint);
  CHECK(codes_of(checked) == std::vector<std::string>{"file_too_large"});
  CHECK(checked.errors.front().message == "The batch input file is larger than the 209715200 maximum for the m model");
  CHECK(checked.lines.empty());
}

TEST_CASE("one id in two spellings is a duplicate")
{
  const tests::FreshDirectory directory;
  const auto path = directory.file("in.jsonl", line_of("a", "x") + line_of("\\u0061", "y") + line_of("\\ud83d", "z") +
                                                   line_of("\\\\ud83d", "z"));
  CHECK(codes_of(emulator::check_input(path, endpoint)) == std::vector<std::string>{"duplicate_custom_id@2"});
}
