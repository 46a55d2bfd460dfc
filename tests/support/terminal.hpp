// The program at a terminal: what somebody sees who types his answers beforehand.
#pragma once

#include "tests/support/program.hpp"

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace tests {

/// Runs the program to its end with a terminal as stdin, stdout and stderr. `out` is all that was shown there.
inline Ended run_at_terminal(const Words& words, const Environment& environment, const std::string& typed)
{
  int terminal = -1;
  const int pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid < 0) throw std::runtime_error{"no terminal for a run"};
  if (pid == 0) {
    ::clearenv();
    for (const auto& [name, value] : environment)
      ::setenv(name.c_str(), value.c_str(), 1);
    std::string program{PROGRAM};
    std::vector<char*> argv{program.data()};
    auto owned = words;
    for (auto& word : owned)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(PROGRAM, argv.data());
    ::_exit(127);
  }
  Ended ended;
  const bool is_typed = ::write(terminal, typed.data(), typed.size()) == static_cast<ssize_t>(typed.size());
  char bytes[4096];
  for (ssize_t n = 0; (n = ::read(terminal, bytes, sizeof bytes)) > 0;)
    ended.out.append(bytes, static_cast<std::size_t>(n));
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(terminal);
  if (!is_typed) throw std::runtime_error{"the terminal took nothing"};
  ended.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return ended;
}

} // namespace tests
