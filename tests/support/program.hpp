// The program from outside: started with words and an environment, judged by what it prints and returns.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tests {

using Words = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

struct Ended {
  int exit = -1; ///< the exit status; minus the signal's number where one ended it
  std::string out = {};
  std::string err = {};
  long peak_kib = 0; ///< largest resident memory
};

/// A process of the program under test. Its output is kept in files of its own; ended by its pid at the latest with its
/// scope.
class Running {
public:
  /// Its stdin is read from that file.
  Running(const Words& words, const Environment& environment, const std::filesystem::path& input = "/dev/null");
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running();

  int pid() const { return m_pid; }
  void signal(int number) const;
  /// The first line on stdout, waited for.
  std::string first_line() const;
  Ended wait();

private:
  int m_pid = -1;
  std::filesystem::path m_directory;
};

/// Runs it to its end.
Ended run(const Words& words, const Environment& environment, const std::filesystem::path& input = "/dev/null");

/// An emulator as a process, and the environment that leads to it, with a state root of its own.
class Rehearsal {
public:
  explicit Rehearsal(const std::filesystem::path& directory, const std::string& faults = {}, const Words& more = {});

  const Environment& environment() const { return m_environment; }
  Ended operator()(const Words& words) const { return run(words, m_environment); }
  /// Puts other faults in force.
  void put_faults(const std::string& faults) const;
  /// Moves the emulator's clock forward.
  void advance(std::chrono::milliseconds by) const;
  /// What it answers to a POST of a body, or, without one, to a GET; as the program's own key unless one is given.
  std::string ask(const std::string& path, const std::string& body = {}, const std::string& key = {}) const;
  /// The ledger as it is told.
  std::string ledger() const;
  /// The same with stdin from a file.
  Ended piped(const std::filesystem::path& input, const Words& words) const { return run(words, m_environment, input); }
  /// A number of the ledger's totals.
  std::int64_t ledger(const std::string& total) const;

private:
  std::filesystem::path m_directory;
  Running m_emulator;
  std::string m_url = {};
  Environment m_environment = {};
};

} // namespace tests
