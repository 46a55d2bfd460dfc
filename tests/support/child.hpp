// Work in a process of its own, to see what two of them do to each other.
#pragma once

#include <doctest/doctest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>

namespace tests {

/// Runs `work` in a child, which ends without this process's destructors: with 0, or with 1 where it throws.
inline pid_t in_child(const std::function<void()>& work)
{
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that fails may leave it waiting for a word that never comes
  try {
    work();
    ::_exit(0);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "in a child: %s\n", e.what());
    ::_exit(1);
  }
}

/// Waits for a child's end; 0 when it ended with 0.
inline int status_of(pid_t child)
{
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

/// One process tells, the other waits.
class Signal {
public:
  Signal() { REQUIRE(::pipe(m_ends) == 0); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal()
  {
    ::close(m_ends[0]);
    ::close(m_ends[1]);
  }

  void tell() const
  {
    while (::write(m_ends[1], "x", 1) < 0)
      ;
  }

  void wait() const
  {
    char c = 0;
    while (::read(m_ends[0], &c, 1) < 0)
      ;
  }

private:
  int m_ends[2] = {};
};

} // namespace tests
