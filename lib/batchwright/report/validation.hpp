// How the check of ready-made request files is told.
#pragma once

#include <batchwright/model/ready_made.hpp>
#include <batchwright/report/report.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace batchwright::report {

/// The problems of one file as people read them: the first twenty of each code.
class ProblemLines {
public:
  explicit ProblemLines(std::string file) : m_file(std::move(file)) {}

  /// "FILE:LINE: message"; nothing where enough of that code were shown.
  std::optional<std::string> line(const FileProblem& problem);
  /// "FILE: 23 more of url_mismatch", a line for each such code; empty where all were shown. No newline at the end.
  std::string rest() const;

private:
  std::string m_file;
  std::map<std::string, std::uint64_t> m_seen = {}; // by code
};

/// "FILE: 60,000 requests in 2 parts, 95.4 MiB; model gpt-5.4-mini; valid".
std::string sentence(const FileVerdict& verdict, const Style& style);

/// The object that `validate --json` prints, up to where its problems go; `json_tail` is the rest.
std::string json_head(const FileVerdict& verdict);
/// One of its problems; line and byte are null where the file as a whole is meant.
std::string json(const FileProblem& problem);
inline constexpr std::string_view json_tail = "]}";

} // namespace batchwright::report
