#include <batchwright/base/files.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/report/progress.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

namespace batchwright::report {
namespace {

constexpr Millis redraw_after{100};
constexpr Millis first_log_after{3'000};
constexpr Millis log_after{30'000};
constexpr int bar_cells = 24;
constexpr int narrowest_with_bar = 60;

bool is_bytes(Phase phase)
{
  return phase == Phase::reading || phase == Phase::uploading || phase == Phase::downloading;
}

std::string amount(Phase phase, std::uint64_t n)
{
  return is_bytes(phase) ? bytes(n) : count(n);
}

std::string how_far(const Progress& p)
{
  return p.total > 0 ? fmt::format("{} of {}", amount(p.phase, p.done), amount(p.phase, p.total))
                     : amount(p.phase, p.done);
}

/// "uploading 3 parts, 45.2 MiB of 286.1 MiB".
std::string under_way(const std::vector<Progress>& parts)
{
  std::map<Phase, std::pair<Progress, int>> sums;
  for (const auto& part : parts) {
    auto& [sum, number] = sums[part.phase];
    sum.phase = part.phase;
    sum.part = part.part;
    sum.done += part.done;
    sum.total += part.total;
    ++number;
  }
  std::string text;
  for (const auto& [phase, entry] : sums) {
    const auto& [sum, number] = entry;
    const auto what = number == 1 ? fmt::format("part {}", sum.part) : fmt::format("{} parts", number);
    text += fmt::format("; {} {}", name(phase), what);
    if (sum.done > 0 || sum.total > 0) text += ", " + how_far(sum);
  }
  return text;
}

/// "412 of 1,000 answered", "reading, 45.2 MiB of 95.4 MiB".
std::string whole_text(const Progress& whole)
{
  return whole.phase == Phase::running ? how_far(whole) + " answered"
                                       : fmt::format("{}, {}", name(whole.phase), how_far(whole));
}

bool is_complete(const Progress& p)
{
  return p.total > 0 && p.done >= p.total;
}

} // namespace

std::string progress_text(const Progress& whole, const std::vector<Progress>& parts)
{
  const auto figure = whole.total > 0 ? fmt::format(" ({})", share(whole.done, whole.total)) : std::string{};
  return fmt::format("{}: {}{}{}", whole.job, whole_text(whole), figure, under_way(parts));
}

std::string progress_bar_line(const Progress& whole, const std::vector<Progress>& parts, const Style& style)
{
  const int room = style.columns - 1; // a full last column would move the cursor to the next line
  if (style.columns < narrowest_with_bar || whole.total == 0) {
    const auto text = progress_text(whole, parts);
    return width(text) > room ? fitted(text, room) : text;
  }
  const auto job = width(whole.job) > 20 ? fitted(whole.job, 20) : whole.job;
  const auto text = fmt::format("{:>6}  {}{}", share(whole.done, whole.total), whole_text(whole), under_way(parts));
  const int left = room - width(job) - 2 - bar_cells;
  return fmt::format("{}  {}{}", job, bar({{whole.done, Tone::good}}, whole.total, bar_cells, style),
                     width(text) > left ? fitted(text, left) : text);
}

std::string ProgressWriter::show(const Progress& progress, Instant now)
{
  if (progress.part != 0) {
    m_parts.push_back(progress);
    return {};
  }
  m_jobs[progress.job] = {progress, std::exchange(m_parts, {})};
  const auto told = all_jobs();
  return m_target == Target::terminal ? drawn(told, now) : logged(told, now);
}

ProgressWriter::Told ProgressWriter::all_jobs() const
{
  auto told = m_jobs.begin()->second;
  if (m_jobs.size() == 1) return told;
  told = {{Phase::running, fmt::format("{} jobs", m_jobs.size()), 0, 0, 0}, {}};
  for (const auto& [job, one] : m_jobs) {
    told.whole.done += one.whole.done;
    told.whole.total += one.whole.total;
    told.parts.insert(told.parts.end(), one.parts.begin(), one.parts.end());
  }
  return told;
}

std::string ProgressWriter::drawn(const Told& told, Instant now)
{
  const bool is_turn = m_phase != told.whole.phase || (is_complete(told.whole) && !m_complete);
  m_phase = told.whole.phase;
  m_complete = is_complete(told.whole);
  if (m_written_at && now - *m_written_at < redraw_after && !is_turn) return {};
  auto line = progress_bar_line(told.whole, told.parts, m_style);
  if (line == m_last) return {};
  m_written_at = now;
  m_last = std::move(line);
  return fmt::format("\r{}\x1b[K", m_last); // drawn over, then wiped to the end: wiping first would flicker
}

std::string ProgressWriter::logged(const Told& told, Instant now)
{
  const auto line = progress_text(told.whole, told.parts);
  std::string out;
  if (m_phase != told.whole.phase) {
    // How the phase before ended is told where it was spoken of at all.
    if (m_written_at && !m_held.empty()) out = m_held + '\n';
    m_held.clear();
    m_written_at.reset();
    m_phase_began = now;
    m_complete = false;
  }
  m_phase = told.whole.phase;
  const bool completes = is_complete(told.whole) && !std::exchange(m_complete, is_complete(told.whole));
  if (line == m_last) return out;
  const bool due =
      m_written_at ? completes || now - *m_written_at >= log_after : now - m_phase_began >= first_log_after;
  if (!due) {
    m_held = line;
    return out;
  }
  m_held.clear();
  m_written_at = now;
  m_last = line;
  return out + line + '\n';
}

std::string ProgressWriter::clear()
{
  if (m_target == Target::log || m_last.empty()) return {};
  m_last.clear();
  return "\r\x1b[K";
}

ProgressLine::ProgressLine(int fd, Style style, const Clock& clock)
    : m_fd(fd),
      m_clock(clock),
      m_writer(::isatty(fd) != 0 ? ProgressWriter::Target::terminal : ProgressWriter::Target::log, style)
{
}

void ProgressLine::show(const Progress& progress)
{
  if (const auto text = m_writer.show(progress, m_clock.now()); !text.empty()) write_all(m_fd, text);
}

void ProgressLine::clear()
{
  if (const auto text = m_writer.clear(); !text.empty()) write_all(m_fd, text);
}

} // namespace batchwright::report
