// Outcome files (outcome_line.hpp), written and read.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/results/answer_files.hpp>
#include <batchwright/results/outcome_line.hpp>
#include <batchwright/results/results.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {

/// Writes outcomes in ascending order. The file is there, whole and durable, after commit(), else not at all. Throws
/// `Fault::disk`.
class OutcomeWriter {
public:
  /// `answers`: the files that places may name, by their number.
  explicit OutcomeWriter(const std::filesystem::path& path, const std::vector<std::filesystem::path>& answers = {});

  /// An outcome that holds its line, or an ANSWER as another file has it.
  void add(Ordinal ordinal, Status status, std::string_view code, bool paid, std::string_view answer);
  /// One whose line stands in one of the files.
  void add(Ordinal ordinal, Status status, std::string_view code, bool paid, const Span& place);
  void commit() { m_file.commit(); }

private:
  AtomicFile m_file;
  std::string m_line = {};
};

/// Reads outcomes in their order. Throws `Fault::storage` where the file cannot be read, or holds something else.
class OutcomeReader {
public:
  OutcomeReader(const std::filesystem::path& path, AnswerMemory& memory);

  /// The next one, its answer an ANSWER; null at the end. Views are valid until the next call.
  Outcome* next();
  /// Where the line of it stands in the outcome file.
  const Span& place() const { return m_place; }
  /// The line that an ANSWER of this file is, or says the place of; valid until the next call of this or next().
  std::string_view line(std::string_view answer);
  const std::vector<std::filesystem::path>& answer_files() const { return m_answers->paths(); }

private:
  std::filesystem::path m_path;
  LineReader m_lines;
  std::optional<LineReader::Line> m_first; // it was read already, and is an outcome
  std::optional<AnswerFiles> m_answers = {};
  std::string m_code = {};
  Outcome m_outcome = {};
  Span m_place = {};
};

/// That no outcome stands at a place of a file.
Error no_outcome(const std::filesystem::path& file, std::uint64_t offset);

} // namespace batchwright::results
