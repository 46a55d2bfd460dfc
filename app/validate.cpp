// `batchwright validate`: ready-made request files checked as the server would, before anything is sent.

#include "app/command.hpp"
#include "app/session.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/report/validation.hpp>
#include <batchwright/requests/validate.hpp>
#include <batchwright/wire/profile.hpp>

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;

struct ValidateOptions {
  std::vector<std::string> files = {};
};

/// Problems of a file, kept on disk until what stands before them in the object is known: there may be millions.
class Spool {
public:
  Spool() : m_file(std::tmpfile(), std::fclose)
  {
    if (!m_file) bw::throw_errno("making", "a temporary file");
  }

  void add(const std::string& problem) { put((std::exchange(m_any, true) ? "," : "") + problem); }

  void print(Console& console)
  {
    std::array<char, 1 << 16> block{};
    std::rewind(m_file.get());
    while (const auto n = std::fread(block.data(), 1, block.size(), m_file.get()))
      console.write({block.data(), n});
    if (std::ferror(m_file.get()) != 0) bw::throw_errno("reading", "a temporary file");
  }

private:
  void put(const std::string& text)
  {
    if (std::fwrite(text.data(), 1, text.size(), m_file.get()) != text.size())
      bw::throw_errno("writing", "a temporary file");
  }

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> m_file;
  bool m_any = false;
};

/// `stop`: no one wants to know any more.
bw::requests::ValidateOptions by_default(const std::atomic<bool>& stop)
{
  const auto& limits = bw::wire::openai();
  bw::requests::ValidateOptions options;
  options.limits = {.requests = limits.requests_per_file, .bytes = limits.default_bytes_per_part};
  options.on_lines = [&stop] {
    if (stop || bw::process_interrupt().asked()) throw bw::Error{bw::Fault::interrupted, "stopped while checking"};
  };
  return options;
}

/// What is said of a file.
struct Report {
  bool valid = false;
  std::string head = {};
  std::optional<Spool> problems = {}; // as JSON
  std::optional<bw::Error> unreadable = {};
};

Report check_as_json(const std::string& file, const std::atomic<bool>& stop)
{
  Report report{.problems = std::optional<Spool>{std::in_place}};
  auto options = by_default(stop);
  options.on_problem = [&](const bw::FileProblem& problem) { report.problems->add(bw::report::json(problem)); };
  const auto verdict = bw::requests::validate(file, options);
  report.valid = verdict.valid();
  report.head = bw::report::json_head(verdict);
  return report;
}

Report check_as_text(const std::string& file, const bw::report::Style& style, const std::atomic<bool>& stop)
{
  Report report;
  bw::report::ProblemLines lines{file};
  auto options = by_default(stop);
  options.on_problem = [&](const bw::FileProblem& problem) {
    if (const auto line = lines.line(problem)) report.head += *line + '\n';
  };
  const auto verdict = bw::requests::validate(file, options);
  if (const auto rest = lines.rest(); !rest.empty()) report.head += rest + '\n';
  report.head += bw::report::sentence(verdict, style) + '\n';
  report.valid = verdict.valid();
  return report;
}

/// A file that cannot be read is told, and the others are looked at.
Report check(const std::string& file, bool as_json, const bw::report::Style& style, const std::atomic<bool>& stop)
try {
  return as_json ? check_as_json(file, stop) : check_as_text(file, style, stop);
} catch (const bw::Error& error) {
  if (error.fault() != bw::Fault::storage) throw;
  return {.unreadable = error};
}

bw::Exit tell(Report report, Console& console)
{
  if (report.unreadable) return console.fail(*report.unreadable);
  console.write(report.head);
  if (report.problems) {
    report.problems->print(console);
    console.print(bw::report::json_tail);
  }
  return report.valid ? bw::Exit::ok : bw::Exit::input;
}

/// Stops what is still at work when its scope is left.
class Stopping {
public:
  explicit Stopping(std::atomic<bool>& stop) : m_stop(stop) {}
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;
  ~Stopping() { m_stop = true; }

private:
  std::atomic<bool>& m_stop;
};

/// Two files are checked at once; what is said of them comes in their order, when all is known of each.
bw::Exit run_validate(const ValidateOptions& options, Session& session)
{
  constexpr std::size_t at_once = 2;
  for (const auto& file : options.files) {
    if (file == "-")
      throw bw::Error{bw::Fault::usage, "validate reads files, not standard input", "name the files to check"};
  }
  auto& console = session.console();
  const auto style = console.style(STDOUT_FILENO);
  auto exit = bw::Exit::ok;
  std::atomic<bool> stop = false;
  std::deque<std::future<Report>> checks;
  const Stopping at_end{stop}; // before the checks are waited for
  for (auto next = options.files.begin(); next != options.files.end() || !checks.empty(); checks.pop_front()) {
    for (; next != options.files.end() && checks.size() < at_once; ++next)
      checks.push_back(std::async(std::launch::async, check, *next, session.globals.json, style, std::cref(stop)));
    exit = bw::graver(exit, tell(checks.front().get(), console));
  }
  return exit;
}

constexpr auto help_footer = R"(
Finds in one pass all that the Batch API would refuse a file for, with line numbers:
lines that are no JSON, ids that stand twice, methods, urls and bodies it does not
take, several models or urls, too many requests or bytes. Files may be packed
(.gz, .zst). `submit` splits what is too large or mixed; the server would refuse it.

Exit status:
  0    every file is valid
  65   some file is not; the first twenty problems of each kind are shown,
       all of them with --json
  74   a file could not be read

Examples:
  batchwright validate requests.jsonl
  batchwright validate *.jsonl --json | jq -c '.problems[] | [.line, .code]'
)";

} // namespace

void add_validate(CLI::App& root, Session& session)
{
  auto options = std::make_shared<ValidateOptions>();

  CLI::App* command = root.add_subcommand("validate", "Check ready-made request files as the server would");
  command->add_option("files", options->files, "Request files: JSON lines, plain or packed")
      ->type_name("FILE")
      ->required();
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_validate(*options, session); });
}

} // namespace app
