#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/config/job_file.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace batchwright::config {
namespace {

class Reader {
public:
  explicit Reader(std::string path) : m_path(std::move(path)) {}

  std::vector<JobSetting> read()
  {
    const auto text = read_file(m_path);
    std::vector<JobSetting> settings;
    for (const auto& [key, node] : parsed(text))
      settings.push_back(setting(std::string{key.str()}, node));
    std::stable_sort(settings.begin(), settings.end(),
                     [](const JobSetting& a, const JobSetting& b) { return a.line < b.line; });
    return settings;
  }

private:
  toml::table parsed(std::string_view text) const
  {
    try {
      return toml::parse(text, m_path);
    } catch (const toml::parse_error& e) {
      throw error(e.source().begin.line, std::string{e.description()}, "a job file is TOML: KEY = VALUE on each line");
    }
  }

  JobSetting setting(std::string key, const toml::node& node) const
  {
    using Form = JobSetting::Form;
    JobSetting s{.key = std::move(key), .line = node.source().begin.line};
    if (const auto* list = node.as_array()) {
      s.form = Form::list;
      for (const auto& member : *list)
        s.values.push_back(scalar(s.key, member));
    } else if (const auto* table = node.as_table()) {
      s.form = Form::table;
      for (const auto& [name, value] : *table)
        s.values.push_back(fmt::format("{}={}", name.str(), json_of(s.key, value)));
    } else {
      s.form = node.is_boolean() ? Form::boolean : node.is_string() ? Form::text : Form::number;
      s.values.push_back(scalar(s.key, node));
    }
    return s;
  }

  /// As it would stand on the command line.
  std::string scalar(const std::string& key, const toml::node& node) const
  {
    if (const auto* text = node.as_string()) return text->get();
    if (node.is_array() || node.is_table()) throw refused(key, node, "a list or table inside a list");
    return json_of(key, node);
  }

  std::string json_of(const std::string& key, const toml::node& node) const
  {
    std::string out;
    json::Writer writer{out};
    write(writer, key, node);
    return out;
  }

  void write(json::Writer& w, const std::string& key, const toml::node& node) const
  {
    if (const auto* text = node.as_string()) {
      w.string(text->get());
    } else if (const auto* whole = node.as_integer()) {
      w.integer(whole->get());
    } else if (const auto* real = node.as_floating_point(); real && std::isfinite(real->get())) {
      w.raw(fmt::format("{}", real->get()));
    } else if (const auto* truth = node.as_boolean()) {
      w.boolean(truth->get());
    } else if (const auto* list = node.as_array()) {
      w.begin_array();
      for (const auto& member : *list)
        write(w, key, member);
      w.end_array();
    } else if (const auto* table = node.as_table()) {
      w.begin_object();
      for (const auto& [name, value] : *table) {
        w.key(name.str());
        write(w, key, value);
      }
      w.end_object();
    } else {
      throw refused(key, node, "a date, or a number without an end");
    }
  }

  Error refused(const std::string& key, const toml::node& node, std::string_view what) const
  {
    return error(node.source().begin.line, fmt::format("{}: {}, which no option takes", key, what),
                 "values are strings, numbers, booleans and lists of them");
  }

  Error error(std::uint64_t line, const std::string& what, std::string hint) const
  {
    return Error{Fault::usage, fmt::format("reading {}, line {}: {}", m_path, line, what), std::move(hint)}.at(
        {m_path, line, {}});
  }

  std::string m_path;
};

} // namespace

std::vector<JobSetting> read_job_file(const std::filesystem::path& path)
{
  return Reader{path.native()}.read();
}

} // namespace batchwright::config
