#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/base/unpack.hpp>
#include <batchwright/input/content.hpp>
#include <batchwright/input/tree.hpp>

namespace batchwright::input {

namespace {

Content unpacked_content(const std::string& path)
{
  const auto source = open_source(path);
  std::string block(std::size_t{1} << 18, '\0');
  Sha256 sha;
  Content content;
  while (const auto n = source->read(block.data(), block.size())) {
    sha.update({block.data(), n});
    content.bytes += n;
  }
  content.sha256 = sha.hex();
  return content;
}

} // namespace

Content content_of(const PinnedInput& input)
{
  if (input.spooled) return unpacked_content(input.path);
  if (input.format == InputFormat::files) return content_of_tree(input.path);
  return {InputFile{input.path}.size(), sha256_of_file(input.path)};
}

std::string witness_of(const PinnedInput& input)
{
  return input.format == InputFormat::files ? witness_of_tree(input.path) : file_witness(input.path);
}

} // namespace batchwright::input
