// What the user sees: data on stdout, everything else on stderr. Shows the engine's events as they come.
#pragma once

#include <batchwright/base/error.hpp>
#include <batchwright/model/events.hpp>
#include <batchwright/model/view.hpp>
#include <batchwright/report/progress.hpp>
#include <batchwright/report/report.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace app {

/// What stdin is there for.
enum class Stdin : std::uint8_t {
  is_free,
  holds_data
};

/// The reader of stdout is gone: a normal end.
struct OutputClosed {};

struct Globals {
  std::string home = {};
  std::string profile = {};
  std::string cacert = {};
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::string color = "auto";
};

/// Where data goes, so that a summary in JSON takes the other way.
enum class Stdout : std::uint8_t {
  is_free,
  holds_data
};

class Console final : public batchwright::Observer {
public:
  explicit Console(const Globals& globals);
  ~Console() override;

  void on(const batchwright::Event& event) override;

  /// A line on stdout.
  void print(std::string_view line);
  /// Bytes of a result on stdout.
  void write(std::string_view bytes);
  /// A line for people on stderr; nothing with --quiet or --json.
  void say(std::string_view line);
  /// An item to look at, on stderr, with the beginning of its prompt; with --json as an object. Asked for by name, so
  /// that --quiet does not hide it.
  void show_item(std::string_view record, std::string_view request);
  /// How a job stands at a command's end: an object with --json, else a sentence, and whether its deadline was missed.
  void conclude(const batchwright::JobView& view, Stdout out);
  /// Tells an error. Returns the exit status that goes with it, the same as told.
  batchwright::Exit fail(const batchwright::Error& error);
  void warn(std::string_view text);
  /// Warns of a deadline that was or will be missed; nothing with --json, whose object tells it.
  void tell_deadline(const batchwright::JobView& view);

  /// A yes or no on the terminal; with data on stdin, on /dev/tty. Throws `Fault::usage` with why it has to be asked,
  /// and this hint, where nobody can be.
  bool confirm(std::string_view question, std::string_view why, const std::string& hint, Stdin in = Stdin::is_free);

  /// Throws as `confirm` where nobody can be asked.
  void need_terminal(std::string_view why, const std::string& hint, Stdin in) const;

  /// How stdout, or stderr, takes text: its width and whether it has colours.
  batchwright::report::Style style(int fd) const;

private:
  void show(const batchwright::Progress& progress);
  void line_on_stderr(std::string_view line);
  /// The same of a text for people: a terminal's edge breaks no word.
  void text_on_stderr(std::string_view text);

  const Globals& m_globals;
  std::unique_ptr<batchwright::report::ProgressLine> m_progress;
};

} // namespace app
