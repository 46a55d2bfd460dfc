// The files below a directory, as a walk that is the same each time: byte-wise by their relative path, names that begin
// with a dot left out, links to files followed, links to directories not. Private to input/. Memory is the names of the
// directories on the way to the file at hand, so it grows with the widest of them and not with the tree.
#pragma once

#include <batchwright/input/content.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::input {

class Tree {
public:
  struct File {
    std::string name = {};         ///< relative to the directory, with `/`; any bytes but NUL
    std::string path = {};         ///< to open it by
    std::string_view refusal = {}; ///< why it is none that can be read (a pipe, a link to nothing); empty: it is one
  };

  explicit Tree(std::string directory);

  /// Throws `Fault::storage` where a directory cannot be read.
  std::optional<File> next();

private:
  struct Entry {
    std::string name = {}; // a directory's ends in `/`, so that entries are in the order of whole paths
    std::string_view refusal = {};
  };
  void enter(const std::string& below);

  std::string m_directory;
  std::vector<std::pair<std::string, std::vector<Entry>>> m_open = {}; // what is left, last first; below which prefix
};

/// Size and digest of a tree: of the list of its files by name, size and SHA-256.
Content content_of_tree(const std::string& directory);

/// What tells that nothing in a tree was written to, added or removed since, as `file_witness` for one file.
std::string witness_of_tree(const std::string& directory);

/// What became of a tree since this witness was taken, as far as times and numbers tell: "a/b.txt is new or was
/// changed".
std::string change_of_tree(const std::string& directory, std::string_view witness);

/// A file name as text: what is not UTF-8 in escapes.
std::string legible_name(std::string_view name);

} // namespace batchwright::input
