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
#include <cstdio>
#include <filesystem>
#include <memory>
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

bw::requests::ValidateOptions by_default()
{
  const auto& limits = bw::wire::openai();
  bw::requests::ValidateOptions options;
  options.limits = {.requests = limits.requests_per_file, .bytes = limits.default_bytes_per_part};
  options.on_lines = [] {
    if (bw::process_interrupt().asked()) throw bw::Error{bw::Fault::interrupted, "stopped while checking"};
  };
  return options;
}

bool validate_json(const std::string& file, Console& console)
{
  Spool spool;
  auto options = by_default();
  options.on_problem = [&](const bw::FileProblem& problem) { spool.add(bw::report::json(problem)); };
  const auto verdict = bw::requests::validate(file, options);
  console.write(bw::report::json_head(verdict));
  spool.print(console);
  console.print(bw::report::json_tail);
  return verdict.valid();
}

bool validate_text(const std::string& file, Console& console)
{
  bw::report::ProblemLines lines{file};
  auto options = by_default();
  options.on_problem = [&](const bw::FileProblem& problem) {
    if (const auto line = lines.line(problem)) console.print(*line);
  };
  const auto verdict = bw::requests::validate(file, options);
  if (const auto rest = lines.rest(); !rest.empty()) console.print(rest);
  console.print(bw::report::sentence(verdict, console.style(STDOUT_FILENO)));
  return verdict.valid();
}

/// A file that cannot be read is told, and the next one looked at.
bw::Exit validate_one(const std::string& file, Session& session)
{
  auto& console = session.console();
  try {
    const bool valid = session.globals.json ? validate_json(file, console) : validate_text(file, console);
    return valid ? bw::Exit::ok : bw::Exit::input;
  } catch (const bw::Error& error) {
    if (error.fault() != bw::Fault::storage) throw;
    return console.fail(error);
  }
}

bw::Exit run_validate(const ValidateOptions& options, Session& session)
{
  auto exit = bw::Exit::ok;
  for (const auto& file : options.files) {
    if (file == "-")
      throw bw::Error{bw::Fault::usage, "validate reads files, not standard input", "name the files to check"};
  }
  for (const auto& file : options.files)
    exit = bw::graver(exit, validate_one(file, session));
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
