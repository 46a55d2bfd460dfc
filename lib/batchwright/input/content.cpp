#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/input/content.hpp>
#include <batchwright/input/tree.hpp>

namespace batchwright::input {

Content content_of(const PinnedInput& input)
{
  if (input.format == InputFormat::files) return content_of_tree(input.path);
  return {InputFile{input.path}.size(), sha256_of_file(input.path)};
}

std::string witness_of(const PinnedInput& input)
{
  return input.format == InputFormat::files ? witness_of_tree(input.path) : file_witness(input.path);
}

} // namespace batchwright::input
