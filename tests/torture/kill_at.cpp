// Kills a program at the Nth system call of some kinds, whichever of its threads makes it.
//
// In: `kill_at N LOG CALL,CALL,... PROGRAM ARGUMENT...`. The program is traced from its start; counted are its own
// calls and those of commands it runs, from when its main thread was set up (`rseq`) and the loader is done. On
// entering the Nth, before it has any effect, all of the program's threads are killed; commands that it ran live on.
// This process ends by SIGKILL, too, once all of them have ended. A program that makes fewer calls ends as ever, and so
// does this process, with its exit status; N is 0: it always does. Out: LOG gets a line for each counted call, thread
// and name. 77: tracing is not permitted here.
//
// strace counts for each thread and kills by the first that reaches N, so that what a worker does first is never
// struck: the main thread has come to that number long before.

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>

namespace {

constexpr int not_permitted = 77;

const std::map<std::string, std::uint64_t>& known_calls()
{
  static const std::map<std::string, std::uint64_t> calls{
      {"write", SYS_write},   {"pwrite64", SYS_pwrite64}, {"fsync", SYS_fsync},   {"fdatasync", SYS_fdatasync},
      {"rename", SYS_rename}, {"unlink", SYS_unlink},     {"sendto", SYS_sendto}, {"ftruncate", SYS_ftruncate},
      {"read", SYS_read},     {"sendmsg", SYS_sendmsg},   {"close", SYS_close},   {"recvfrom", SYS_recvfrom},
      {"mkdir", SYS_mkdir},   {"openat", SYS_openat},     {"rmdir", SYS_rmdir},   {"unlinkat", SYS_unlinkat},
  };
  return calls;
}

std::map<std::uint64_t, std::string> counted_calls(const std::string& list)
{
  std::map<std::uint64_t, std::string> counted;
  std::istringstream names{list};
  for (std::string name; std::getline(names, name, ',');) {
    const auto call = known_calls().find(name);
    if (call == known_calls().end()) {
      std::fprintf(stderr, "kill_at: no such call: %s\n", name.c_str());
      std::exit(64);
    }
    counted[call->second] = name;
  }
  return counted;
}

class Tracer {
public:
  Tracer(long at, std::FILE* log, std::map<std::uint64_t, std::string> counted)
      : m_at(at), m_log(log), m_counted(std::move(counted))
  {
  }

  /// Returns the exit status of the program, or does not return.
  int run(pid_t program)
  {
    m_main = program;
    int status = 0;
    ::waitpid(program, &status, 0);
    if (!WIFSTOPPED(status)) return not_permitted;
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                         PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    ::ptrace(PTRACE_SETOPTIONS, program, nullptr, reinterpret_cast<void*>(options));
    ::ptrace(PTRACE_SYSCALL, program, nullptr, nullptr);
    for (;;) {
      const pid_t thread = ::waitpid(-1, &status, __WALL);
      if (thread < 0) {
        if (errno == EINTR) continue;
        return m_exit; // nobody is left
      }
      if (WIFSTOPPED(status)) {
        go_on(thread, status);
      } else if (thread == m_main) {
        m_exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
    }
  }

  bool killed() const { return m_killed; }

private:
  void go_on(pid_t thread, int status)
  {
    const int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      at_call(thread);
      ::ptrace(PTRACE_SYSCALL, thread, nullptr, nullptr);
      return;
    }
    // Stops of the tracing itself, of a new thread above all, are not the program's to see.
    const bool ours = signal == SIGTRAP || signal == SIGSTOP;
    const long passed_on = ours ? 0 : signal;
    ::ptrace(PTRACE_SYSCALL, thread, nullptr, reinterpret_cast<void*>(passed_on));
  }

  void at_call(pid_t thread)
  {
    __ptrace_syscall_info info = {};
    if (m_killed || ::ptrace(PTRACE_GET_SYSCALL_INFO, thread, reinterpret_cast<void*>(sizeof info), &info) < 0) return;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    if (info.entry.nr == SYS_rseq && thread == m_main) m_loaded = true;
    const auto call = m_counted.find(info.entry.nr);
    if (!m_loaded || call == m_counted.end()) return;
    ++m_count;
    const auto number = m_threads.emplace(thread, m_threads.size() + 1).first->second;
    std::fprintf(m_log, "%zu %s\n", number, call->second.c_str());
    if (m_count == m_at) {
      m_killed = true;
      ::kill(m_main, SIGKILL);
    }
  }

  long m_at;
  std::FILE* m_log;
  std::map<std::uint64_t, std::string> m_counted;
  std::map<pid_t, std::size_t> m_threads = {};
  pid_t m_main = -1;
  long m_count = 0;
  bool m_loaded = false;
  bool m_killed = false;
  int m_exit = not_permitted;
};

} // namespace

int main(int argc, char** argv)
{
  if (argc < 5) {
    std::fprintf(stderr, "usage: kill_at N LOG CALL,CALL,... PROGRAM ARGUMENT...\n");
    return 64;
  }
  std::FILE* log = std::fopen(argv[2], "we");
  if (!log) {
    std::perror(argv[2]);
    return 64;
  }
  Tracer tracer{std::strtol(argv[1], nullptr, 10), log, counted_calls(argv[3])};
  const pid_t program = ::fork();
  if (program == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(not_permitted);
    ::execvp(argv[4], argv + 4);
    ::_exit(127);
  }
  const int exit = tracer.run(program);
  std::fclose(log);
  if (tracer.killed()) ::raise(SIGKILL);
  return exit;
}
