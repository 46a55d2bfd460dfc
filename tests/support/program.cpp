#include "tests/support/program.hpp"

#include "tests/support/fresh_directory.hpp"

#include <batchwright/json/json.hpp>

#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/StreamCopier.h>
#include <Poco/URI.h>
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace tests {
namespace {

constexpr std::chrono::seconds longest_start{20};

Words emulator_words(const std::filesystem::path& directory, const std::string& faults, const Words& more)
{
  Words words{"emulator"};
  if (!faults.empty()) {
    const auto file = directory / "faults.json";
    std::FILE* out = std::fopen(file.c_str(), "wb");
    std::fwrite(faults.data(), 1, faults.size(), out);
    std::fclose(out);
    words.insert(words.end(), {"--faults", file.native()});
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

} // namespace

Running::Running(const Words& words, const Environment& environment, const std::filesystem::path& input)
{
  std::string pattern = (std::filesystem::temp_directory_path() / "batchwright-run-XXXXXX").native();
  if (!mkdtemp(pattern.data())) throw std::runtime_error{"no directory for a run"};
  m_directory = pattern;

  std::vector<std::string> arguments{PROGRAM};
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (auto& word : arguments)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables{"PATH=" + std::string{std::getenv("PATH")}, "TZ=UTC"};
  for (const char* kept : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(kept)) variables.push_back(std::string{kept} + "=" + value);
  }
  for (const auto& [name, value] : environment)
    variables.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (auto& variable : variables)
    envp.push_back(variable.data());
  envp.push_back(nullptr);

  const auto out = (m_directory / "out").native();
  const auto err = (m_directory / "err").native();
  m_pid = ::fork();
  if (m_pid == 0) {
    const int in = ::open(input.c_str(), O_RDWR); // a pipe with a name is not waited for
    ::dup2(in, 0);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0600), 1);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), 2);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
}

Running::~Running()
{
  if (m_pid > 0) {
    signal(SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(m_directory, ignored);
}

void Running::signal(int number) const
{
  if (m_pid > 0) ::kill(m_pid, number);
}

std::string Running::first_line() const
{
  const auto deadline = std::chrono::steady_clock::now() + longest_start;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto text = std::filesystem::exists(m_directory / "out") ? slurp(m_directory / "out") : std::string{};
    if (const auto end = text.find('\n'); end != std::string::npos) return text.substr(0, end);
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  throw std::runtime_error{"the program said nothing: " + slurp(m_directory / "err")};
}

Ended Running::wait()
{
  int status = 0;
  rusage usage = {};
  ::wait4(m_pid, &status, 0, &usage);
  m_pid = -1;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), slurp(m_directory / "out"),
          slurp(m_directory / "err"), usage.ru_maxrss};
}

Ended run(const Words& words, const Environment& environment, const std::filesystem::path& input)
{
  return Running{words, environment, input}.wait();
}

Rehearsal::Rehearsal(const std::filesystem::path& directory, const std::string& faults, const Words& more)
    : m_directory(directory), m_emulator(emulator_words(directory, faults, more), {})
{
  const auto line = m_emulator.first_line();
  m_url = line.substr(line.rfind(' ') + 1);
  m_environment = {{"OPENAI_BASE_URL", m_url},
                   {"OPENAI_API_KEY", "rehearsal-key"},
                   {"BATCHWRIGHT_HOME", (directory / "home").native()},
                   {"HOME", directory.native()}};
}

namespace {

constexpr auto usual_key = "rehearsal-key";

/// What the emulator answers, its control plane or the API.
std::string control(const std::string& url, const char* method, const std::string& path, const std::string& body,
                    const std::string& key = usual_key)
{
  const Poco::URI uri{url};
  Poco::Net::HTTPClientSession session{uri.getHost(), uri.getPort()};
  Poco::Net::HTTPRequest request{method, path, "HTTP/1.1"};
  request.set("Authorization", "Bearer " + key);
  if (!body.empty()) request.setContentLength(static_cast<int>(body.size()));
  session.sendRequest(request) << body;
  Poco::Net::HTTPResponse response;
  std::string text;
  Poco::StreamCopier::copyToString(session.receiveResponse(response), text);
  if (response.getStatus() != Poco::Net::HTTPResponse::HTTP_OK) throw std::runtime_error{"the emulator: " + text};
  return text;
}

} // namespace

void Rehearsal::advance(std::chrono::milliseconds by) const
{
  control(m_url, "POST", "/emulator/clock", "{\"advance_ms\":" + std::to_string(by.count()) + "}");
}

std::string Rehearsal::ask(const std::string& path, const std::string& body, const std::string& key) const
{
  return control(m_url, body.empty() ? "GET" : "POST", path, body, key.empty() ? usual_key : key);
}

void Rehearsal::put_faults(const std::string& faults) const
{
  control(m_url, "PUT", "/emulator/faults", faults);
}

std::string Rehearsal::ledger() const
{
  return control(m_url, "GET", "/emulator/ledger", "");
}

std::int64_t Rehearsal::ledger(const std::string& total) const
{
  const auto text = ledger();
  batchwright::json::Document doc;
  REQUIRE(doc.parse(text));
  const auto value = doc.root().find(total);
  REQUIRE(value);
  return value->integer().value_or(-1);
}

} // namespace tests
