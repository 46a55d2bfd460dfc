// Runs a command once, its words thrown away, and says what it cost, for commands too short to be looked at while they
// run: `batchwright_bench_once COMMAND...`. Small itself, since what it forks begins with its own peak of memory.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

namespace {

[[noreturn]] void become(char** command)
{
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(nowhere, stream);
  ::execv(command[0], command);
  ::_exit(127);
}

double seconds(const timeval& time)
{
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

} // namespace

int main(int argc, char** argv)
{
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s COMMAND...\n", argv[0]);
    return 64;
  }
  const auto begun = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) become(argv + 1);
  int status = 0;
  rusage used = {};
  if (child < 0 || ::wait4(child, &status, 0, &used) != child) return 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf(R"({"status":%d,"seconds":%.6f,"cpu_s":%.6f,"peak_kib":%ld})"
              "\n",
              WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), took.count(),
              seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
  return 0;
}
