#include <batchwright/base/error.hpp>
#include <batchwright/results/outcome_file.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::results {

OutcomeWriter::OutcomeWriter(const std::filesystem::path& path, const std::vector<std::filesystem::path>& answers)
    : m_file(path)
{
  if (answers.empty()) return;
  append_answer_files(m_line, answers, path.parent_path());
  m_line += '\n';
  m_file.write(m_line);
}

void OutcomeWriter::add(Ordinal ordinal, Status status, std::string_view code, bool paid, std::string_view answer)
{
  m_line.clear();
  append_outcome_head(m_line, ordinal, status, code, paid);
  m_line += answer;
  m_line += '\n';
  m_file.write(m_line);
}

void OutcomeWriter::add(Ordinal ordinal, Status status, std::string_view code, bool paid, const Span& place)
{
  m_line.clear();
  append_outcome_head(m_line, ordinal, status, code, paid);
  append_place(m_line, place);
  m_line += '\n';
  m_file.write(m_line);
}

OutcomeReader::OutcomeReader(const std::filesystem::path& path, AnswerMemory& memory)
    : m_path(path), m_lines(path), m_first(m_lines.next())
{
  auto answers = m_first ? parse_answer_files(m_first->text, path.parent_path()) : std::nullopt;
  if (answers) m_first.reset();
  m_answers.emplace(std::move(answers).value_or(std::vector<std::filesystem::path>{}), memory);
}

Outcome* OutcomeReader::next()
{
  const auto line = m_first ? std::exchange(m_first, std::nullopt) : m_lines.next();
  if (!line) return nullptr;
  const auto outcome = line->ended ? parse_outcome(line->text, m_code) : std::nullopt;
  if (!outcome) throw no_outcome(m_path, line->offset);
  m_place = {.offset = line->offset, .length = line->text.size()};
  m_outcome = *outcome;
  return &m_outcome;
}

std::string_view OutcomeReader::line(std::string_view answer)
{
  const auto place = parse_place(answer);
  return place ? m_answers->line(*place) : answer;
}

Error no_outcome(const std::filesystem::path& file, std::uint64_t offset)
{
  return {Fault::storage, fmt::format("reading {}: what stands at byte {} is no outcome", file.native(), offset)};
}

} // namespace batchwright::results
