#include "app/console.hpp"

#include "app/delivery.hpp"

#include <batchwright/base/clock.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/report/item.hpp>
#include <batchwright/report/outlook.hpp>
#include <batchwright/report/plan.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <variant>

namespace app {
namespace {

namespace bw = batchwright;

/// Narrow enough for any window where the terminal does not tell.
constexpr int usual_columns = 80;

int columns_of(int fd)
{
  winsize size = {};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* given = std::getenv("COLUMNS");
  const int columns = given ? std::atoi(given) : 0;
  return columns > 0 ? columns : usual_columns;
}

bool colours_on(const std::string& wish, int fd)
{
  if (wish != "auto") return wish == "always";
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = !terminal || std::string_view{terminal} == "dumb";
  return ::isatty(fd) && !(no_color && *no_color) && !dumb;
}

/// A line as a terminal gives it; what was there when Ctrl-C or the end came.
std::string line_from(int fd)
{
  std::string line;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';)
    line += c;
  return line;
}

/// Where answers come from while stdin holds data; else none.
bw::Descriptor terminal_for(Stdin in)
{
  return bw::Descriptor{in == Stdin::holds_data ? ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1};
}

} // namespace

Console::Console(const Globals& globals) : m_globals(globals) {}

Console::~Console()
{
  if (m_progress) m_progress->clear();
}

bw::report::Style Console::style(int fd) const
{
  return {.columns = columns_of(fd), .colour = colours_on(m_globals.color, fd)};
}

void Console::line_on_stderr(std::string_view line)
{
  if (m_progress) m_progress->clear();
  bw::write_all(STDERR_FILENO, std::string{line} + '\n');
}

void Console::text_on_stderr(std::string_view text)
{
  line_on_stderr(::isatty(STDERR_FILENO) ? bw::report::fitted_lines(text, columns_of(STDERR_FILENO))
                                         : std::string{text});
}

void Console::write(std::string_view bytes)
{
  if (m_progress) m_progress->clear();
  if (bw::write_all(STDOUT_FILENO, bytes)) return;
  if (errno == EPIPE) throw OutputClosed{};
  bw::throw_errno("writing to", "standard output");
}

void Console::print(std::string_view line)
{
  write(std::string{line} + '\n');
}

void Console::say(std::string_view line)
{
  if (!m_globals.quiet && !m_globals.json) text_on_stderr(line);
}

void Console::show_item(std::string_view record, std::string_view request)
{
  if (m_globals.json) return line_on_stderr(bw::report::item_json(record, request));
  constexpr std::size_t most_prompt = 600;
  line_on_stderr(bw::report::item(record, request, style(STDERR_FILENO), most_prompt) + '\n');
}

void Console::warn(std::string_view text)
{
  if (m_globals.json) return line_on_stderr(bw::report::json_warning(text));
  text_on_stderr(bw::report::warning(text, style(STDERR_FILENO)));
}

void Console::conclude(const bw::JobView& view, Stdout out)
{
  if (!m_globals.json) {
    say(bw::report::sentence(view));
    return tell_deadline(view);
  }
  const auto line = bw::report::json(view);
  if (out == Stdout::is_free) {
    print(line);
  } else {
    line_on_stderr(line);
  }
}

void Console::tell_deadline(const bw::JobView& view)
{
  const auto text = bw::report::missed_deadline(view, bw::system_clock().now());
  if (!m_globals.json && !text.empty()) warn(fmt::format("{}: {}", view.job, text));
}

bw::Exit Console::fail(const bw::Error& error)
{
  auto exit = bw::exit_for(error.fault());
  if (error.fault() == bw::Fault::interrupted) exit = stopped_by_user().value_or(exit);
  if (m_globals.json) {
    line_on_stderr(bw::report::json(error, exit));
  } else {
    text_on_stderr(bw::report::text(error, style(STDERR_FILENO)));
  }
  return exit;
}

void Console::need_terminal(std::string_view why, const std::string& hint, Stdin in) const
{
  const auto tty = terminal_for(in);
  if (in == Stdin::holds_data ? !tty : !::isatty(STDIN_FILENO) || !::isatty(STDERR_FILENO)) {
    throw bw::Error{bw::Fault::usage, fmt::format("{}, and there is no terminal to ask on", why), hint};
  }
}

bool Console::confirm(std::string_view question, std::string_view why, const std::string& hint, Stdin in)
{
  need_terminal(why, hint, in);
  const auto tty = terminal_for(in);
  if (m_progress) m_progress->clear();
  bw::write_all(tty ? tty.get() : STDERR_FILENO, fmt::format("{} [y/N] ", question));
  const auto answer = line_from(tty ? tty.get() : STDIN_FILENO);
  if (bw::process_interrupt().asked()) throw bw::Error{bw::Fault::interrupted, "stopped; nothing was done"};
  return answer == "y" || answer == "Y" || answer == "yes";
}

void Console::show(const bw::Progress& progress)
{
  if (m_globals.quiet || m_globals.json) return;
  if (!m_progress)
    m_progress = std::make_unique<bw::report::ProgressLine>(STDERR_FILENO, style(STDERR_FILENO), bw::system_clock());
  m_progress->show(progress);
}

void Console::on(const bw::Event& event)
{
  if (const auto* progress = std::get_if<bw::Progress>(&event)) return show(*progress);
  if (const auto* note = std::get_if<bw::Note>(&event)) {
    if (note->level == bw::Note::Level::warning) return warn(note->text);
    if (note->level == bw::Note::Level::info || m_globals.verbose) say(bw::report::harmless(note->text));
    return;
  }
  const auto now = bw::system_clock().now();
  if (const auto* left = std::get_if<bw::BatchesLeft>(&event)) return warn(bw::report::sentence(*left, now));
  if (const auto* stuck = std::get_if<bw::Stuck>(&event)) return warn(bw::report::sentence(*stuck));
  if (const auto* probe = std::get_if<bw::ProbeOver>(&event)) return say(bw::report::sentence(*probe));
  if (const auto* told = std::get_if<bw::LiveIsCheaper>(&event)) return say(bw::report::sentence(*told));
  const auto& moved = std::get<bw::PartMoved>(event);
  if (m_globals.verbose)
    say(fmt::format("{} part {}: {} -> {}", moved.job, moved.part, bw::name(moved.from), bw::name(moved.to)));
}

} // namespace app
