// A disk that takes no more, for tests: while it lives, no file of this process grows beyond so many bytes.
#pragma once

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <csignal>

namespace tests {

class FileSizeLimit {
public:
  explicit FileSizeLimit(rlim_t bytes)
  {
    m_signal = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &m_before) == 0);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = m_before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit()
  {
    ::setrlimit(RLIMIT_FSIZE, &m_before);
    std::signal(SIGXFSZ, m_signal);
  }

private:
  rlimit m_before = {};
  void (*m_signal)(int) = SIG_DFL;
};

} // namespace tests
