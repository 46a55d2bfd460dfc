#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/config/file.hpp>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <sys/stat.h>

#include <algorithm>
#include <optional>

namespace batchwright::config {
namespace {

constexpr std::string_view profiles_key = "profiles";

/// Reads one file; knows its path for every complaint.
class Reader {
public:
  explicit Reader(const std::filesystem::path& path) : m_path(path.native()) {}

  File read()
  {
    for (auto&& [key, node] : parse()) {
      if (key.str() == profiles_key) {
        read_profiles(key, node);
      } else {
        m_file.entries.push_back(entry_of(key, node, {}));
      }
    }
    const auto by_line = [](const auto& a, const auto& b) { return a.line < b.line; };
    std::sort(m_file.entries.begin(), m_file.entries.end(), by_line);
    std::sort(m_file.profiles.begin(), m_file.profiles.end(), by_line);
    // The first of several faults is told, as the reader of the file meets them.
    const auto first = std::min_element(m_faults.begin(), m_faults.end(), [](const Error& a, const Error& b) {
      return a.place()->line < b.place()->line;
    });
    if (first != m_faults.end()) throw *first;
    check_access();
    return std::move(m_file);
  }

private:
  toml::table parse() const
  {
    try {
      return toml::parse(batchwright::read_file(m_path), m_path);
    } catch (const toml::parse_error& e) {
      throw fault(e.source().begin.line, std::string{e.description()},
                  "the file is TOML: NAME = VALUE, texts in quotes");
    } catch (const Error& e) {
      throw Error{Fault::config, e.what(), "make it readable, or remove it"}.at({m_path, 0, {}});
    }
  }

  void read_profiles(const toml::key& key, const toml::node& node)
  {
    const auto* profiles = node.as_table();
    if (!profiles) return note(key, "`profiles` is no value but holds tables", "write [profiles.NAME]");
    for (auto&& [name, inside] : *profiles) {
      const auto* settings = inside.as_table();
      if (!settings) {
        note(name, fmt::format("`{}` stands in [profiles], outside a profile", name.str()), "write [profiles.NAME]");
        continue;
      }
      if (name.str().empty()) {
        note(name, "a profile without a name", "write [profiles.NAME]");
        continue;
      }
      m_file.profiles.push_back({std::string{name.str()}, name.source().begin.line});
      for (auto&& [inner, value] : *settings)
        m_file.entries.push_back(entry_of(inner, value, name.str()));
    }
  }

  Entry entry_of(const toml::key& key, const toml::node& node, std::string_view profile)
  {
    const auto* setting = find_setting(key.str());
    if (!setting) {
      note_unknown(key, profile);
    } else if (!profile.empty() && setting->name == "profile") {
      note(key, "`profile` cannot stand in a profile", "it chooses one: it stands at the top of the file");
    } else if (auto text = text_of(node, setting->kind)) {
      return {std::string{key.str()}, std::string{profile}, Secret{std::move(*text)}, key.source().begin.line};
    } else {
      note(key, fmt::format("`{}`: expected {}", key.str(), expected(setting->kind)), {});
    }
    return {};
  }

  void note_unknown(const toml::key& key, std::string_view profile)
  {
    std::vector<std::string_view> words;
    for (const auto& setting : table())
      words.push_back(setting.name);
    if (profile.empty()) words.push_back(profiles_key);
    const auto near = nearest(key.str(), words);
    note(key, fmt::format("unknown key `{}`", key.str()),
         near.empty() ? fmt::format("known are: {}", fmt::join(words, ", ")) : fmt::format("did you mean `{}`?", near));
  }

  static std::optional<std::string> text_of(const toml::node& node, Kind kind)
  {
    if (kind == Kind::flag) {
      if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
    } else if (kind == Kind::number || (kind == Kind::share && node.is_integer())) {
      if (const auto* number = node.as_integer(); number && number->get() >= 0) return std::to_string(number->get());
    } else if (const auto* share = node.as_floating_point(); share && kind == Kind::share) {
      return fmt::format("{}", share->get());
    } else if (const auto* text = node.as_string()) {
      if (text->get().find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos) return text->get();
    }
    return std::nullopt;
  }

  static std::string_view expected(Kind kind)
  {
    if (kind == Kind::flag) return "true or false";
    if (kind == Kind::share) return "a share, as 0.1 or \"10%\"";
    return kind == Kind::number ? "a whole number, not negative" : "a text in quotes, on one line";
  }

  /// A key in the file is as secret as the file is.
  void check_access() const
  {
    const auto secret = std::find_if(m_file.entries.begin(), m_file.entries.end(), [](const Entry& entry) {
      const auto kind = find_setting(entry.name)->kind;
      if (kind == Kind::proxy) return entry.value.reveal().find('@') != std::string::npos;
      return kind == Kind::key && !entry.value.empty();
    });
    struct stat status = {};
    if (secret == m_file.entries.end() || ::stat(m_path.c_str(), &status) != 0) return;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
    throw fault(secret->line, fmt::format("`{}` stands in a file that others may read", secret->name),
                fmt::format("run `chmod 600 {}`", m_path));
  }

  Error fault(std::uint64_t line, const std::string& what, const std::string& hint) const
  {
    return Error{Fault::config, what, hint}.at({m_path, line, {}});
  }

  void note(const toml::key& key, const std::string& what, const std::string& hint)
  {
    m_faults.push_back(fault(key.source().begin.line, what, hint));
  }

  std::string m_path;
  File m_file = {};
  std::vector<Error> m_faults = {};
};

} // namespace

File read_settings_file(const std::filesystem::path& path)
{
  std::error_code trouble;
  if (!std::filesystem::exists(path, trouble) && !trouble) return {};
  return Reader{path}.read();
}

} // namespace batchwright::config
