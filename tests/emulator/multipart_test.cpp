#include <batchwright/emulator/multipart.hpp>

#include <doctest/doctest.h>

#include <sstream>

using namespace batchwright::emulator;

TEST_SUITE_BEGIN("emulator::multipart");

namespace {

std::string rest_of_part(MultipartReader& reader)
{
  std::string all;
  for (auto bytes = reader.read(); !bytes.empty(); bytes = reader.read())
    all += bytes;
  return all;
}

std::string body_with(const std::string& content)
{
  return "--XX\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
         "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".jsonl\"\r\n"
         "Content-Type: application/jsonl\r\n\r\n" +
         content + "\r\n--XX--\r\n";
}

} // namespace

TEST_CASE("parts come out byte for byte, whatever looks like a boundary inside")
{
  const std::string near_misses[] = {
      "", "\r\n", "--XX", "\r\n--X", "\n--XX--\n", "\r\n\r\n--X\r\n-", std::string("\0\r", 2)};
  for (const auto& content : near_misses) {
    std::istringstream stream{body_with(content)};
    MultipartReader reader{stream, "XX"};
    const auto purpose = reader.next();
    REQUIRE(purpose);
    CHECK(purpose->name == "purpose");
    CHECK_FALSE(purpose->filename);
    CHECK(rest_of_part(reader) == "batch");
    const auto file = reader.next();
    REQUIRE(file);
    CHECK(file->filename == "a \"b\".jsonl");
    CHECK(rest_of_part(reader) == content);
    CHECK_FALSE(reader.next());
    CHECK(reader.whole());
    CHECK_FALSE(reader.cut());
  }
}

TEST_CASE("a name with a semicolon in its quotes is one name")
{
  std::istringstream stream{
      "--XX\r\nContent-Disposition: form-data; filename=\"a; name=b.jsonl\"; name=\"file\"\r\n\r\n"
      "x\r\n--XX--\r\n"};
  MultipartReader reader{stream, "XX"};
  const auto part = reader.next();
  REQUIRE(part);
  CHECK(part->name == "file");
  CHECK(part->filename == "a; name=b.jsonl");
}

TEST_CASE("a boundary that lies across two blocks is found")
{
  constexpr std::size_t block = 1 << 18;
  for (std::size_t size = block - 260; size < block + 20; size += 3) {
    const std::string content(size, 'x');
    std::istringstream stream{body_with(content)};
    MultipartReader reader{stream, "XX"};
    reader.next();
    REQUIRE(reader.next()); // skips what was not read
    CHECK(rest_of_part(reader) == content);
    CHECK_FALSE(reader.next());
    CHECK(reader.whole());
  }
}

TEST_CASE("a body that breaks off is never whole")
{
  const auto body = body_with("{}\n{}\n");
  // The last two bytes are the line end behind the closing boundary.
  for (std::size_t size = 0; size < body.size() - 2; ++size) {
    std::istringstream stream{body.substr(0, size)};
    MultipartReader reader{stream, "XX"};
    while (reader.next()) {
    }
    CAPTURE(size);
    CHECK_FALSE(reader.whole());
    CHECK(reader.cut());
  }
}

TEST_CASE("the boundary is found in the content type")
{
  CHECK(boundary_of("multipart/form-data; boundary=abc") == "abc");
  CHECK(boundary_of("Multipart/Form-Data; charset=utf-8; boundary=\"a b;c\"") == "a b;c");
  CHECK(boundary_of("multipart/form-data; x=\"a; boundary=no\"; boundary=yes") == "yes");
  CHECK(boundary_of("multipart/form-data; boundary2=no; BOUNDARY=yes;") == "yes");
  CHECK_FALSE(boundary_of("multipart/form-data; x=\"boundary=no"));
  CHECK_FALSE(boundary_of("multipart/form-data; boundary"));
  CHECK_FALSE(boundary_of("multipart/form-data"));
  CHECK_FALSE(boundary_of("application/json; boundary=abc"));
}
