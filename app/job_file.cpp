#include "app/job_file.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/config/job_file.hpp>
#include <batchwright/config/table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;
using bw::config::JobSetting;
using Form = JobSetting::Form;

/// How options that name a file call their value.
constexpr std::array path_types = {"INPUT", "OUT", "F", "FILE", "DIR"};

/// The option's name as a key: long, without dashes before it; that of INPUT is `input`.
std::string key_of(const CLI::Option& option)
{
  return option.get_lnames().empty() ? option.get_name(true) : option.get_lnames().front();
}

/// What the option calls its value, without what it is checked for.
std::string type_of(const CLI::Option& option)
{
  const auto name = option.get_type_name();
  return name.substr(0, name.find(':'));
}

class JobFile {
public:
  JobFile(CLI::App& command, std::string path) : m_path(std::move(path))
  {
    for (auto* option : command.get_options()) {
      const auto key = key_of(*option);
      if (key != "help" && key != "job") m_options.emplace(key, option);
      if (option->count() > 0) m_given.insert(option);
    }
  }

  void apply()
  {
    for (const auto& setting : bw::config::read_job_file(m_path))
      apply(setting);
  }

private:
  void apply(const JobSetting& setting)
  {
    auto& option = option_for(setting);
    if (m_given.contains(&option)) return;
    const auto& excluded = option.get_excludes();
    if (std::any_of(excluded.begin(), excluded.end(), [&](CLI::Option* other) { return m_given.contains(other); })) {
      return;
    }
    if (option.count() > 0) throw error(setting, "stands twice, with - and with _", "leave one of them out");
    check_form(setting, option);
    if (setting.values.empty()) return;
    option.add_result(values_for(setting, option));
    try {
      option.run_callback(); // now, so that what is wrong with a value is told with its line
    } catch (const CLI::ParseError& e) {
      throw error(setting, e.what(), "`batchwright submit --help` shows what it takes");
    } catch (const bw::Error& e) {
      throw error(setting, e.what(), e.hint());
    }
  }

  CLI::Option& option_for(const JobSetting& setting) const
  {
    auto key = setting.key == "inputs" ? std::string{"input"} : setting.key;
    std::replace(key.begin(), key.end(), '_', '-');
    const auto found = m_options.find(key);
    if (found != m_options.end()) return *found->second;
    std::vector<std::string_view> keys;
    for (const auto& [known, option] : m_options)
      keys.push_back(known);
    const auto near = bw::config::nearest(key, keys);
    throw error(setting, "is no option of a job",
                near.empty() ? "keys are the long options of `batchwright submit`, see its --help"
                             : fmt::format("did you mean {}?", near));
  }

  void check_form(const JobSetting& setting, const CLI::Option& option) const
  {
    const bool flag = option.get_items_expected_max() == 0;
    const bool many = option.get_items_expected_max() > 1;
    if (flag && setting.form != Form::boolean) throw error(setting, "expected true or false", {});
    if (!flag && setting.form == Form::boolean) throw error(setting, "expected a value, not true or false", {});
    if (!many && setting.form == Form::list) throw error(setting, "expected one value, not a list", {});
    if (setting.form == Form::table && key_of(option) != "set")
      throw error(setting, "expected a value, not a table", {});
    if (type_of(option) == "SHARE" && setting.form == Form::number) return; // 0.1 beside "10%"
    const bool is_number = type_of(option) == "N";
    if (is_number != (setting.form == Form::number) && (is_number || setting.form == Form::number)) {
      throw error(setting, is_number ? "expected a number" : "expected a text in quotes", {});
    }
  }

  std::vector<std::string> values_for(const JobSetting& setting, const CLI::Option& option) const
  {
    auto values = setting.values;
    if (std::find(path_types.begin(), path_types.end(), type_of(option)) == path_types.end()) return values;
    const auto directory = std::filesystem::path{m_path}.parent_path();
    for (auto& value : values) {
      if (value != "-") value = (directory / value).native(); // an absolute one stays
    }
    return values;
  }

  bw::Error error(const JobSetting& setting, const std::string& what, std::string hint) const
  {
    return bw::Error{bw::Fault::usage,
                     fmt::format("reading {}, line {}: {}: {}", m_path, setting.line, setting.key, what),
                     std::move(hint)}
        .at({m_path, setting.line, {}});
  }

  std::string m_path;
  std::map<std::string, CLI::Option*> m_options = {}; // by key
  std::set<const CLI::Option*> m_given = {};          // on the command line
};

} // namespace

void apply_job_file(CLI::App& command, const std::string& path)
{
  JobFile{command, path}.apply();
}

} // namespace app
