// A directory as an input: an item a file, its relative path and its whole text.
//
// The mark of such an item counts files: `line` is its number in the walk, from 1, and `offset` the bytes of the files
// before it, as they lie on the disk.

#include <batchwright/input/reader.hpp>
#include <batchwright/input/tree.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::input {
namespace {

constexpr std::size_t block_size = std::size_t{1} << 16;

class FileItem : public Item {
public:
  std::optional<Field> field(std::string_view column) const override
  {
    if (column == "path") return Field{name, Field::Form::text};
    return column == "text" ? std::optional{Field{text, Field::Form::text}} : std::nullopt;
  }
  void each(const OnField& on_field) const override
  {
    on_field("path", {name, Field::Form::text});
    on_field("text", {text, Field::Form::text});
  }

  std::string name = {};
  std::string_view text = {};
};

Error of_file(const std::string& path, std::string_view what, std::string hint)
{
  const auto place = legible_name(path);
  return Error{Fault::input, fmt::format("reading {}: {}", place, what), std::move(hint)}.at({place, 0, {}});
}

class FilesReader : public Reader {
public:
  FilesReader(const std::string& directory, Start from) : m_tree(directory), m_next(from)
  {
    for (std::uint64_t passed = 1; passed < from.line; ++passed)
      m_tree.next();
  }

  Step step() override
  {
    auto file = m_tree.next();
    if (!file) return Step::end;
    m_item.mark.offset = m_next.offset;
    m_item.mark.line = m_next.line++;
    if (file->refusal.empty()) m_next.offset += std::filesystem::file_size(file->path);
    m_fault = take(std::move(*file));
    return m_fault ? Step::bad : Step::record;
  }

  Item& item() override { return m_item; }
  const Error& fault() const override { return *m_fault; }
  std::vector<std::string> fixed_columns() const override { return {"path", "text"}; }

private:
  /// Makes the file the item, or says why it cannot be one.
  std::optional<Error> take(Tree::File file)
  {
    if (!file.refusal.empty()) return of_file(file.path, file.refusal, "take it out of the folder");
    if (!json::is_utf8(file.name)) return of_file(file.path, "its name is not UTF-8", "rename it");
    m_path = std::move(file.path);
    m_item.name = std::move(file.name);
    m_item.file = m_path;
    m_item.is_file = true;
    try {
      return load();
    } catch (const Error& e) { // broken packing, UTF-16
      if (e.fault() != Fault::input) throw;
      return e;
    }
  }

  std::optional<Error> load()
  {
    m_text.clear();
    const auto source = open_source(m_path);
    for (std::size_t n = block_size; n > 0;) {
      const auto old = m_text.size();
      m_text.resize(old + block_size);
      n = source->read(m_text.data() + old, block_size);
      m_text.resize(old + n);
      if (m_text.size() > longest_record + block_size) break;
    }
    const auto begin = begin_of_text(m_path, m_text);
    m_item.text = std::string_view{m_text}.substr(begin);
    if (m_item.text.size() > longest_record) {
      return of_file(m_path, fmt::format("the file is longer than {} MiB", longest_record >> 20),
                     "shorten it, or cut it into several files");
    }
    if (json::is_utf8(m_item.text)) return std::nullopt;
    const auto bad = json::utf8_until(m_item.text);
    const auto line = 1 + std::count(m_item.text.begin(), m_item.text.begin() + static_cast<std::ptrdiff_t>(bad), '\n');
    return not_utf8(m_path, {begin + bad, static_cast<std::uint64_t>(line)});
  }

  Tree m_tree;
  Start m_next; // the mark of the file that comes next
  std::string m_path = {};
  std::string m_text = {};
  FileItem m_item = {};
  std::optional<Error> m_fault = {};
};

} // namespace

std::unique_ptr<Reader> read_files(const std::string& directory, Start from)
{
  return std::make_unique<FilesReader>(directory, from);
}

} // namespace batchwright::input
