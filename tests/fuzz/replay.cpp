// Feeds the files given on the command line to a fuzz entry, whole and cut at every hundredth: the fuzzers' seeds, and
// whatever they once found, as an ordinary test.

#include "tests/fuzz/entry.hpp"

#include <batchwright/base/files.hpp>

#include <algorithm>
#include <filesystem>
#include <string>

int main(int argc, char** argv)
{
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
      const auto text = batchwright::read_file(entry.path());
      const auto step = std::max<std::size_t>(1, text.size() / 100);
      for (std::size_t end = 0; end <= text.size(); end += step)
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), end);
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    }
  }
  return 0;
}
