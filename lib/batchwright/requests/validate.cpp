#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/input/raw_lines.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/requests/ready_made.hpp>
#include <batchwright/requests/repeated_ids.hpp>
#include <batchwright/requests/validate.hpp>
#include <batchwright/wire/endpoint.hpp>
#include <batchwright/wire/profile.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace batchwright::requests {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::uint64_t lines_between_calls = 4096;
constexpr std::size_t longest_shown = 200; // bytes of an id, in a message
constexpr std::size_t most_kinds = 1'000;  // of url and model that are told apart

constexpr std::string_view splits = "the server refuses such a file; `submit` splits it";

/// Embedding inputs; other endpoints have no limit of their own.
std::uint64_t inputs_per_file()
{
  return wire::find_endpoint("embeddings")->inputs_per_file;
}

/// How many parts a file makes: of one url and one model each, cut where the next request would not fit.
class PartCount {
public:
  explicit PartCount(const PartLimits& limits) : m_limits(limits) {}

  void add(const ReadyMade& request, std::uint64_t bytes)
  {
    if (!request.url || !request.model) return;
    const std::pair kind{*request.url, *request.model};
    if (m_open.size() == most_kinds && m_open.find(kind) == m_open.end()) return;
    auto& open = m_open[kind];
    const bool fits = open.requests < m_limits.requests && open.bytes + bytes <= m_limits.bytes &&
                      open.inputs + request.embedding_inputs <= inputs_per_file();
    if (!fits || open.requests == 0) {
      ++m_parts;
      open = {};
    }
    ++open.requests;
    open.bytes += bytes;
    open.inputs += request.embedding_inputs;
  }

  std::uint64_t parts() const { return m_parts; }

private:
  struct Open {
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
    std::uint64_t inputs = 0;
  };

  PartLimits m_limits;
  std::map<std::pair<std::string, std::string>, Open> m_open = {};
  std::uint64_t m_parts = 0;
};

class FileCheck {
public:
  FileCheck(const std::string& path, const ValidateOptions& options)
      : m_path(path), m_options(options), m_parts(options.limits)
  {
    m_verdict.file = path;
  }

  FileVerdict run()
  {
    try {
      read();
      tell_repeated();
    } catch (const Error& error) {
      if (error.fault() != Fault::input) throw;
      problem({0, 0, "unreadable_file", error.what()});
    }
    look_at_sums();
    m_verdict.parts = m_parts.parts();
    return std::move(m_verdict);
  }

private:
  void problem(FileProblem found)
  {
    ++m_verdict.problems;
    if (m_options.on_problem) m_options.on_problem(found);
  }

  void problem(const input::RawLines::Line& line, std::string_view code, std::string message, std::uint64_t byte = 0)
  {
    problem({line.number, line.offset + byte, std::string{code}, std::move(message)});
  }

  void read()
  {
    input::RawLines lines{m_path};
    while (const auto line = lines.next()) {
      if (line->number % lines_between_calls == 0 && m_options.on_lines) m_options.on_lines();
      m_verdict.bytes += line->size;
      if (line->number == 1 && is_utf16(line->text))
        return problem(*line, "invalid_encoding", "this is UTF-16, expected UTF-8: the rest was not looked at");
      take(*line);
    }
  }

  static bool is_utf16(std::string_view text) { return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"); }

  void take(const input::RawLines::Line& line)
  {
    auto text = line.text;
    std::uint64_t begin = 0; // of the JSON text in the line
    if (line.number == 1 && text.starts_with(byte_order_mark)) {
      begin = byte_order_mark.size();
      text.remove_prefix(begin);
      problem(line, "byte_order_mark", "the file begins with a byte order mark, expected plain UTF-8");
    }
    if (text.ends_with('\r')) {
      if (!std::exchange(m_has_cr, true))
        problem(line, "carriage_return", "this line, maybe others, ends in CR LF; expected LF alone",
                begin + text.size() - 1);
      text.remove_suffix(1);
    }
    if (!line.too_long && text.find_first_not_of(" \t\r") == std::string_view::npos) return note_blank(line);
    tell_blank();
    ++m_verdict.requests;
    if (line.too_long)
      return problem(line, "line_too_long", fmt::format("the line is longer than {} MiB", input::longest_record >> 20));
    parse(line, text, begin);
  }

  void note_blank(const input::RawLines::Line& line)
  {
    if (m_blank_count++ == 0) m_blank = {line.number, line.offset, "blank_line", {}};
  }

  /// Blank lines at the end are left alone.
  void tell_blank()
  {
    if (const auto count = std::exchange(m_blank_count, 0); count > 0) {
      m_blank.message = count == 1 ? "a blank line" : fmt::format("{} blank lines", count);
      problem(m_blank);
    }
  }

  void parse(const input::RawLines::Line& line, std::string_view text, std::uint64_t begin)
  {
    if (!m_document.parse(text)) {
      const auto& fault = m_document.fault();
      const auto code = json::is_utf8(text) ? "invalid_json_line" : "invalid_encoding";
      return problem(line, code, fmt::format("the line is not JSON: {}", fault.what), begin + fault.byte);
    }
    const auto root = m_document.root();
    const auto request = check_request(root);
    const auto root_begin = begin + static_cast<std::uint64_t>(root.raw().data() - text.data());
    for (const auto& found : request.problems)
      problem(line, found.code, found.message, root_begin + found.byte);
    if (request.custom_id) m_ids.add(hash_of(*request.custom_id), line.number);
    if (request.url) look_at_kind(line, *request.url, m_verdict.endpoints, "url_mismatch", "url");
    if (request.model) look_at_kind(line, *request.model, m_verdict.models, "model_mismatch", "model");
    m_inputs += request.embedding_inputs;
    m_parts.add(request, text.size() + 1);
  }

  /// Against that of the first line; all that are met are listed.
  void look_at_kind(const input::RawLines::Line& line, const std::string& name, std::vector<std::string>& met,
                    std::string_view code, std::string_view word)
  {
    if (!met.empty() && name == met.front()) return;
    if (!met.empty())
      problem(line, code,
              fmt::format("the {} is {}, in lines before it {}: {}", word, shown(name), shown(met.front()), splits));
    if (met.size() < most_kinds && std::find(met.begin(), met.end(), name) == met.end()) met.push_back(name);
  }

  static std::string shown(std::string_view name)
  {
    return std::string{name.substr(0, longest_shown)} + (name.size() > longest_shown ? "..." : "");
  }

  /// Where lines begin, and what their ids are, is not kept: it is read again where it must be told.
  void tell_repeated()
  {
    const auto pairs = m_ids.pairs();
    if (pairs.empty()) return;
    input::RawLines lines{m_path};
    auto line = lines.next();
    for (const auto& pair : pairs) {
      while (line && line->number < pair.line)
        line = lines.next();
      if (!line) return;
      tell_twice(*line, pair.first);
    }
  }

  void tell_twice(const input::RawLines::Line& line, std::uint64_t first)
  {
    auto text = line.text;
    if (line.number == 1 && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    const auto id = m_document.parse(text) ? m_document.root().find("custom_id") : std::nullopt;
    if (!id) return;
    const auto byte = static_cast<std::uint64_t>(id->raw().data() - line.text.data());
    problem(line, "duplicate_custom_id",
            fmt::format("the custom_id `{}` stands on line {} already", shown(id->text().value_or("")), first), byte);
  }

  void look_at_sums()
  {
    const auto& limits = wire::openai();
    const auto over = [this](std::uint64_t n, std::uint64_t most, std::string_view code, std::string_view what) {
      if (n > most)
        problem(
            {0, 0, std::string{code}, fmt::format("the file has {} {}, the most is {}: {}", n, what, most, splits)});
    };
    if (m_verdict.requests == 0 && m_verdict.problems == 0)
      problem({0, 0, "empty_file", "the file is empty, expected at least one request"});
    over(m_verdict.requests, limits.requests_per_file, "too_many_tasks", "requests");
    over(m_inputs, inputs_per_file(), "too_many_inputs", "embedding inputs");
    over(m_verdict.bytes, limits.bytes_per_file, "file_too_large", "bytes");
  }

  std::string m_path;
  const ValidateOptions& m_options;
  FileVerdict m_verdict = {};
  PartCount m_parts;
  RepeatedIds m_ids = {};
  json::Document m_document = {};
  std::uint64_t m_inputs = 0;
  bool m_has_cr = false;
  FileProblem m_blank = {}; // the first of blank lines that are not told yet
  std::uint64_t m_blank_count = 0;
};

} // namespace

FileVerdict validate(const std::string& path, const ValidateOptions& options)
{
  return FileCheck{path, options}.run();
}

} // namespace batchwright::requests
