#include <batchwright/config/file.hpp>
#include <batchwright/config/settings.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace batchwright::config {
namespace {

using From = Origin::From;

/// A text with where it came from, not yet made into a value.
struct Found {
  std::string text = {};
  Origin origin = {};
};

/// "http://***@host:3128": who may use a proxy is between it and the user.
std::string without_password(const std::string& url)
{
  const auto at = url.rfind('@');
  if (at == std::string::npos) return url;
  const auto scheme = url.find("://");
  return url.substr(0, scheme < at ? scheme + 3 : 0) + "***" + url.substr(at);
}

/// Looks through the places in their order.
class Search {
public:
  Search(const Given& given, const Variables& variables, const std::filesystem::path& path)
      : m_given(given), m_variables(variables), m_path(path)
  {
    if (!path.empty()) m_file = read_settings_file(path);
  }

  /// Keys under that profile come before those at the top from now on. Throws where there is none of that name.
  void choose(const Found& profile)
  {
    if (profile.text.empty()) return;
    std::vector<std::string_view> names;
    for (const auto& p : m_file.profiles)
      names.push_back(p.name);
    m_profile = profile.text;
    if (std::find(names.begin(), names.end(), m_profile) != names.end()) return;
    const auto known = names.empty() ? fmt::format("there is none in {}", m_path.native())
                                     : fmt::format("known are: {}", fmt::join(names, ", "));
    const auto near = nearest(m_profile, names);
    throw blame(Error{Fault::config, fmt::format("there is no profile {}", m_profile),
                      near.empty() ? known : fmt::format("did you mean {}?", near)},
                {.origin = profile.origin});
  }

  Found variable(const std::vector<const char*>& names) const
  {
    for (const auto* name : names) {
      if (auto text = trimmed(m_variables(name)); !text.empty()) {
        return {std::move(text), {.from = From::variable, .name = name}};
      }
    }
    return {};
  }

  Found first(const Setting& setting) const
  {
    for (auto found : {option(setting.name), variable(setting.variables), file(setting.name)}) {
      if (!found.text.empty()) return found;
    }
    return {};
  }

  /// The key or the file with it: the profile's, whichever it has, before any at the top.
  std::pair<Found, Found> key_in_file() const
  {
    const auto in = [&](const std::string& profile) {
      return std::pair{found(entry_of("api_key", profile)), found(entry_of("api_key_file", profile))};
    };
    auto both = in(m_profile);
    return both.first.text.empty() && both.second.text.empty() ? in({}) : both;
  }

  /// A path as the place where it stands means it.
  std::filesystem::path path(const Found& found) const
  {
    std::filesystem::path path{found.text};
    if (found.origin.from != From::file) return std::filesystem::absolute(path);
    if (found.text.starts_with("~/")) {
      const auto user = m_variables("HOME");
      if (!user.empty()) return std::filesystem::path{user} / found.text.substr(2);
    }
    return m_path.parent_path() / path;
  }

private:
  Found option(std::string_view name) const
  {
    const auto given = m_given.find(std::string{name});
    if (given == m_given.end() || given->second.empty()) return {};
    auto option = "--" + given->first;
    std::replace(option.begin(), option.end(), '_', '-');
    return {given->second, {.from = From::option, .name = std::move(option)}};
  }

  /// What the profile says, be it empty, else what the top says.
  Found file(std::string_view name) const
  {
    const auto* entry = entry_of(name, m_profile);
    return found(entry ? entry : entry_of(name, {}));
  }

  const Entry* entry_of(std::string_view name, const std::string& profile) const
  {
    const auto entry = std::find_if(m_file.entries.begin(), m_file.entries.end(),
                                    [&](const Entry& e) { return e.name == name && e.profile == profile; });
    return entry == m_file.entries.end() ? nullptr : &*entry;
  }

  Found found(const Entry* entry) const
  {
    if (!entry) return {};
    return {trimmed(entry->value.reveal()),
            {.from = From::file, .place = {m_path.native(), entry->line, {}}, .profile = entry->profile}};
  }

  const Given& m_given;
  const Variables& m_variables;
  std::filesystem::path m_path;
  File m_file = {};
  std::string m_profile = {};
};

/// Where the file is; empty where nothing says so.
std::filesystem::path file_path(const Variables& variables)
{
  if (const auto own = variables("XDG_CONFIG_HOME"); !own.empty()) {
    return std::filesystem::absolute(own) / "batchwright/config.toml";
  }
  const auto user = variables("HOME");
  return user.empty() ? std::filesystem::path{} : std::filesystem::absolute(user) / ".config/batchwright/config.toml";
}

/// Where jobs are kept if nobody says otherwise.
Found usual_home(const Variables& variables)
{
  if (const auto state = variables("XDG_STATE_HOME"); !state.empty()) {
    return {(std::filesystem::absolute(state) / "batchwright").native(),
            {.from = From::variable, .name = "XDG_STATE_HOME"}};
  }
  const auto user = variables("HOME");
  return {user.empty() ? user : (std::filesystem::path{user} / ".local/state/batchwright").native(), {}};
}

/// A server that is spoken to by plain http has its proxy in other variables.
std::vector<const char*> proxy_variables(const std::string& base_url)
{
  if (base_url.starts_with("http:")) return {"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"};
  return {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"};
}

/// The key, else the file with it, from the first place that has one of them.
std::pair<Found, Found> find_key(const Search& search, const Variables& variables)
{
  if (auto key = search.variable({"OPENAI_API_KEY"}); !key.text.empty()) return {std::move(key), {}};
  if (auto file = search.variable({"OPENAI_API_KEY_FILE"}); !file.text.empty()) return {{}, std::move(file)};
  if (const auto directory = variables("CREDENTIALS_DIRECTORY"); !directory.empty()) {
    const auto file = std::filesystem::path{directory} / "openai-api-key";
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored))
      return {{}, {file.native(), {.from = From::variable, .name = "CREDENTIALS_DIRECTORY"}}};
  }
  auto both = search.key_in_file();
  if (!both.first.text.empty()) both.second = {};
  return both;
}

Value value_of(const Setting& setting, const Found& found, const Search& search)
{
  Value value{.name = std::string{setting.name}, .text = found.text, .origin = found.origin};
  if (found.text.empty()) return value;
  if (setting.kind == Kind::key) {
    value.secret = Secret{found.text};
    value.text = "set";
  } else if (setting.kind == Kind::key_file) {
    const auto path = search.path(found);
    std::error_code trouble;
    value.secret = Secret{path.native()};
    value.text = std::filesystem::exists(path, trouble) ? path.native() : "names no file";
  } else if (setting.kind == Kind::proxy) {
    value.secret = Secret{found.text};
    value.text = without_password(found.text);
  } else if (setting.kind == Kind::path) {
    value.text = search.path(found).native();
  }
  return value;
}

} // namespace

std::string Origin::words() const
{
  switch (from) {
  case From::option:
  case From::variable:
    return name;
  case From::file:
    return fmt::format("{}:{}{}", place.file, place.line, profile.empty() ? "" : fmt::format(" (profile {})", profile));
  case From::builtin:
    break;
  }
  return "default";
}

const Value& Settings::operator[](std::string_view name) const
{
  const auto value = std::find_if(values.begin(), values.end(), [&](const Value& v) { return v.name == name; });
  ensure(value != values.end(), "a setting that is asked for is in the table");
  return *value;
}

Settings load(const Given& given, const Variables& variables, std::string_view base_url)
{
  Settings settings{.file = file_path(variables)};
  Search search{given, variables, settings.file};
  search.choose(search.first(*find_setting("profile")));
  std::map<std::string_view, Found> found;
  for (const auto& setting : table())
    found[setting.name] = search.first(setting);
  std::tie(found["api_key"], found["api_key_file"]) = find_key(search, variables);
  if (found["base_url"].text.empty()) found["base_url"].text = base_url;
  if (found["home"].text.empty()) found["home"] = usual_home(variables);
  if (auto proxy = search.variable(proxy_variables(found["base_url"].text)); !proxy.text.empty()) {
    found["proxy"] = std::move(proxy);
  }
  for (const auto& setting : table())
    settings.values.push_back(value_of(setting, found[setting.name], search));
  return settings;
}

std::filesystem::path state_root(const Settings& settings)
{
  if (settings["home"].is_set()) return settings["home"].text;
  throw Error{Fault::config, "no place for the jobs: neither HOME nor XDG_STATE_HOME is set",
              "give one with --home DIR or BATCHWRIGHT_HOME"};
}

Error blame(const Error& error, const Value& value)
{
  const auto& origin = value.origin;
  if (origin.from == From::builtin) return error;
  const Error blamed{error.fault(), fmt::format("{} (from {})", error.what(), origin.words()), error.hint()};
  return origin.from == From::file ? blamed.at(origin.place) : blamed;
}

} // namespace batchwright::config
