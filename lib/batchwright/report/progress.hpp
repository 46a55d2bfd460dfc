// How far a phase is, on one line: redrawn on a terminal, a plain line now and then elsewhere.
//
// In: progress events as the engine tells them. Out: bytes on a file descriptor. An event of a part is gathered, one of
// the job as a whole draws: the engine tells the parts first. Several jobs at once are shown as their sum. Never writes
// more often than a reader can follow.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/events.hpp>
#include <batchwright/report/report.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::report {

/// "reviews: 412 of 1,000 answered (41.2%); uploading 3 parts, 45.2 MiB of 286.1 MiB".
/// `parts`: what is under way inside it.
std::string progress_text(const Progress& whole, const std::vector<Progress>& parts);

/// The same for a terminal, with a bar before it, cut to the room there is; no line end.
std::string progress_bar_line(const Progress& whole, const std::vector<Progress>& parts, const Style& style);

/// What is drawn when, without a word on where: a text to write for each event, often an empty one.
class ProgressWriter {
public:
  enum class Target : std::uint8_t {
    terminal, ///< one line is drawn over and over, at most ten times a second
    log       ///< for a phase that lasts: a line after 3 s, what is new every 30 s, and how it ended
  };

  ProgressWriter(Target target, Style style) : m_target(target), m_style(style) {}

  std::string show(const Progress& progress, Instant now);
  /// Wipes the line, so that other text can stand in its place.
  std::string clear();

private:
  /// A job as it was told last.
  struct Told {
    Progress whole = {};
    std::vector<Progress> parts = {};
  };

  Told all_jobs() const;
  std::string drawn(const Told& told, Instant now);
  std::string logged(const Told& told, Instant now);

  Target m_target;
  Style m_style;
  std::vector<Progress> m_parts = {}; // told since the last whole
  std::map<std::string, Told> m_jobs = {};

  std::optional<Phase> m_phase = {};
  bool m_complete = false; // of the phase, or a new one begins
  Instant m_phase_began = {};
  std::optional<Instant> m_written_at = {}; // in a log: within this phase
  std::string m_last = {};                  // on a terminal: what stands there now; in a log: the line written last
  std::string m_held = {};                  // of a log: what is newer than the line written last
};

/// The line on a file descriptor; whether that is a terminal it finds out itself.
class ProgressLine {
public:
  ProgressLine(int fd, Style style, const Clock& clock);

  void show(const Progress& progress);
  void clear();

private:
  int m_fd;
  const Clock& m_clock;
  ProgressWriter m_writer;
};

} // namespace batchwright::report
