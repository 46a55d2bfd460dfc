#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/input/tree.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace batchwright::input {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view leads_nowhere = "a link that leads nowhere";
constexpr std::string_view no_file = "not a regular file";

[[noreturn]] void unreadable(const std::string& directory, const std::error_code& fault)
{
  throw Error{Fault::storage, fmt::format("reading the folder {}: {}", legible_name(directory), fault.message())};
}

/// When anything of a file last changed, in nanoseconds since 1970.
std::int64_t changed_at(const std::string& path)
{
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) throw_errno("looking at", legible_name(path));
  return std::int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec;
}

/// Takes a number and the colon behind it; nothing where none stands there.
std::optional<std::int64_t> take_number(std::string_view& text)
{
  std::int64_t n = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (fault != std::errc{}) return std::nullopt;
  text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(stop - text.data()) + 1));
  return n;
}

} // namespace

Tree::Tree(std::string directory) : m_directory(std::move(directory))
{
  enter({});
}

std::optional<Tree::File> Tree::next()
{
  while (!m_open.empty()) {
    auto& [below, entries] = m_open.back();
    if (entries.empty()) {
      m_open.pop_back();
      continue;
    }
    const auto entry = std::move(entries.back());
    entries.pop_back();
    auto name = below + entry.name;
    if (!name.ends_with('/')) {
      auto path = m_directory + '/' + name;
      return File{std::move(name), std::move(path), entry.refusal};
    }
    enter(name);
  }
  return std::nullopt;
}

void Tree::enter(const std::string& below)
{
  const auto directory = m_directory + '/' + below;
  std::vector<Entry> entries;
  std::error_code fault;
  fs::directory_iterator found{directory, fault};
  for (; !fault && found != fs::directory_iterator{}; found.increment(fault)) {
    auto name = found->path().filename().native();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    const auto itself = found->symlink_status(ignored).type();
    const auto type = itself == fs::file_type::symlink ? found->status(ignored).type() : itself;
    if (type == fs::file_type::directory) {
      if (itself != fs::file_type::symlink) entries.push_back({std::move(name) + '/', {}});
    } else if (type == fs::file_type::regular) {
      entries.push_back({std::move(name), {}});
    } else {
      entries.push_back({std::move(name), itself == fs::file_type::symlink ? leads_nowhere : no_file});
    }
  }
  if (fault) unreadable(directory, fault);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name > b.name; });
  m_open.emplace_back(below, std::move(entries));
}

Content content_of_tree(const std::string& directory)
{
  Content content;
  Sha256 list;
  Tree tree{directory};
  while (const auto file = tree.next()) {
    const auto bytes = file->refusal.empty() ? InputFile{file->path}.size() : 0;
    const auto digest = file->refusal.empty() ? sha256_of_file(file->path) : std::string{file->refusal};
    list.update(file->name);
    list.update(fmt::format("{}{}:{}\n", '\0', bytes, digest)); // no name holds a NUL
    content.bytes += bytes;
  }
  content.sha256 = list.hex();
  return content;
}

std::string witness_of_tree(const std::string& directory)
{
  Sha256 list;
  std::uint64_t files = 0;
  std::int64_t latest = 0;
  Tree tree{directory};
  while (const auto file = tree.next()) {
    ++files;
    list.update(file->name);
    list.update({"\0", 1});
    if (!file->refusal.empty()) continue;
    const auto witness = file_witness(file->path);
    if (witness.empty()) return {};
    latest = std::max(latest, changed_at(file->path));
    list.update(witness);
    list.update("\n");
  }
  return fmt::format("{}:{}:{}", files, latest, list.hex());
}

std::string change_of_tree(const std::string& directory, std::string_view witness)
{
  const auto files = take_number(witness);
  const auto latest = take_number(witness);
  std::int64_t now = 0;
  Tree tree{directory};
  while (const auto file = tree.next()) {
    ++now;
    if (latest && file->refusal.empty() && changed_at(file->path) > *latest) {
      return fmt::format("{} is new or was changed", legible_name(file->name));
    }
  }
  return files && *files != now ? fmt::format("it had {} files, now {}", *files, now) : std::string{};
}

std::string legible_name(std::string_view name)
{
  if (json::is_utf8(name)) return std::string{name};
  std::string text;
  for (const char c : name) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

} // namespace batchwright::input
