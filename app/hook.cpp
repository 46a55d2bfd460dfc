#include "app/hook.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;

bool is_kept(std::string_view variable)
{
  constexpr std::array<std::string_view, 3> withheld{"OPENAI_API_KEY=", "OPENAI_API_KEY_FILE=", "OPENAI_ADMIN_KEY="};
  return std::none_of(withheld.begin(), withheld.end(), [&](std::string_view w) { return variable.starts_with(w); });
}

/// Ours come first: the first of several of one name counts.
std::vector<std::string> environment_for(const bw::JobView& view)
{
  std::vector<std::string> all{
      fmt::format("BATCHWRIGHT_JOB={}", view.job),
      fmt::format("BATCHWRIGHT_STATE={}", name(view.state)),
      fmt::format("BATCHWRIGHT_OUT={}", view.handover.out),
      fmt::format("BATCHWRIGHT_SUCCEEDED={}", view.items.succeeded),
      fmt::format("BATCHWRIGHT_FAILED={}", view.items.failed),
      fmt::format("BATCHWRIGHT_EXIT={}", static_cast<int>(bw::exit_for(view))),
  };
  for (char** variable = environ; *variable; ++variable) {
    if (is_kept(*variable)) all.emplace_back(*variable);
  }
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& words)
{
  std::vector<char*> pointers;
  for (auto& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Its pid; negative with errno set where it could not be started.
pid_t start(const std::string& command, std::vector<std::string> environment)
{
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t usual; // what we ignore, it need not
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&how, &usual);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words{"/bin/sh", "-c", command};
  pid_t pid = -1;
  errno = ::posix_spawn(&pid, "/bin/sh", &files, &how, pointers_to(words).data(), pointers_to(environment).data());
  const int failed = errno;
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  errno = failed;
  return failed == 0 ? pid : -1;
}

/// How it ended, where that was no success.
std::string trouble_of(pid_t pid)
{
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return std::strerror(errno);
  }
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? std::string{} : fmt::format("exit status {}", WEXITSTATUS(status));
}

} // namespace

void run_hook(const bw::JobView& view, Console& console)
{
  const auto& command = view.handover.on_done;
  console.say(fmt::format("running {}", bw::report::harmless(command)));
  const auto pid = start(command, environment_for(view));
  const auto trouble = pid < 0 ? std::string{std::strerror(errno)} : trouble_of(pid);
  if (!trouble.empty()) console.warn(fmt::format("--on-done {}: {}", bw::report::harmless(command), trouble));
}

} // namespace app
