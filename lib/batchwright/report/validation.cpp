#include <batchwright/json/json.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/report/validation.hpp>

#include <fmt/format.h>

namespace batchwright::report {
namespace {

constexpr std::uint64_t most_shown = 20;

std::string counted(std::uint64_t n, std::string_view word)
{
  return fmt::format("{} {}{}", count(n), word, n == 1 ? "" : "s");
}

std::string kinds(const std::vector<std::string>& names, std::string_view word)
{
  if (names.empty()) return {};
  if (names.size() > 1) return fmt::format("; {}", counted(names.size(), word));
  return fmt::format("; {} {}", word, harmless(names.front()));
}

void add_list(json::Writer& w, std::string_view name, const std::vector<std::string>& texts)
{
  w.key(name).begin_array();
  for (const auto& text : texts)
    w.string(text);
  w.end_array();
}

} // namespace

std::optional<std::string> ProblemLines::line(const FileProblem& problem)
{
  if (++m_seen[problem.code] > most_shown) return std::nullopt;
  const auto place = problem.line > 0 ? fmt::format("{}:{}", m_file, problem.line) : m_file;
  return harmless(fmt::format("{}: {}", place, problem.message));
}

std::string ProblemLines::rest() const
{
  std::string text;
  for (const auto& [code, seen] : m_seen) {
    if (seen > most_shown)
      text += fmt::format("{}{}: and {} more of {}", text.empty() ? "" : "\n", harmless(m_file),
                          count(seen - most_shown), code);
  }
  return text;
}

std::string sentence(const FileVerdict& verdict, const Style& style)
{
  const auto state = verdict.valid() ? painted("valid", Tone::good, style)
                                     : painted(counted(verdict.problems, "problem"), Tone::trouble, style);
  return fmt::format("{}: {} in {}, {}{}{}; {}", harmless(verdict.file), counted(verdict.requests, "request"),
                     counted(verdict.parts, "part"), bytes(verdict.bytes), kinds(verdict.models, "model"),
                     kinds(verdict.endpoints, "endpoint"), state);
}

std::string json_head(const FileVerdict& verdict)
{
  std::string text;
  json::Writer w{text};
  w.begin_object().member("file", legible(verdict.file)).flag("valid", verdict.valid());
  w.member("requests", static_cast<std::int64_t>(verdict.requests));
  w.member("bytes", static_cast<std::int64_t>(verdict.bytes));
  w.member("parts", static_cast<std::int64_t>(verdict.parts));
  add_list(w, "models", verdict.models);
  add_list(w, "endpoints", verdict.endpoints);
  w.key("problems").begin_array();
  return text;
}

std::string json(const FileProblem& problem)
{
  const auto number = [&](std::uint64_t n) { return problem.line > 0 ? std::to_string(n) : std::string{"null"}; };
  std::string text;
  json::Writer w{text};
  w.begin_object().key("line").raw(number(problem.line)).key("byte").raw(number(problem.byte));
  w.member("code", problem.code).member("message", legible(problem.message)).end_object();
  return text;
}

} // namespace batchwright::report
