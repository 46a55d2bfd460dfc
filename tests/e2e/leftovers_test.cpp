// What commands leave where nothing was asked to be kept.

#include "tests/support/fresh_directory.hpp"
#include "tests/support/program.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

using tests::FreshDirectory;
using tests::Words;

namespace fs = std::filesystem;

TEST_SUITE_BEGIN("e2e::leftovers");

TEST_CASE("a submit that is killed while it plans leaves nothing, in the temporary directory either")
{
  const FreshDirectory dir;
  const auto temporary = dir / "tmp";
  fs::create_directory(temporary);
  const auto pipe = dir / "rows";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int end = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(end >= 0);
  const std::string rows = "id,text\nr0,row 0\n";
  REQUIRE(::write(end, rows.data(), rows.size()) == static_cast<ssize_t>(rows.size()));

  const tests::Environment environment{{"OPENAI_API_KEY", "rehearsal-key"},
                                       {"OPENAI_BASE_URL", "http://127.0.0.1:9/v1"},
                                       {"BATCHWRIGHT_HOME", (dir / "home").native()},
                                       {"HOME", dir.path().native()},
                                       {"TMPDIR", temporary.native()}};
  const Words words{"submit", "-", "--model", "gpt-5.4-mini", "--prompt", "Repeat: {{text}}", "--yes"};
  tests::Running submit{words, environment, pipe};
  int unread = 1;
  for (int round = 0; round < 2'000 && unread > 0; ++round) { // what was read is in its plan
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
    REQUIRE(::ioctl(end, FIONREAD, &unread) == 0);
  }
  REQUIRE(unread == 0);
  submit.signal(SIGKILL);
  CHECK(submit.wait().exit == -SIGKILL);
  ::close(end);
  CHECK(fs::is_empty(temporary));
  CHECK_FALSE(fs::exists(dir / "home"));
}

TEST_CASE("commands without a state root make none, and leave nothing elsewhere")
{
  const FreshDirectory dir;
  const auto temporary = dir / "tmp";
  fs::create_directory(temporary);
  const tests::Environment environment{{"OPENAI_API_KEY", "rehearsal-key"},
                                       {"OPENAI_BASE_URL", "http://127.0.0.1:9/v1"},
                                       {"BATCHWRIGHT_HOME", (dir / "home").native()},
                                       {"HOME", dir.path().native()},
                                       {"TMPDIR", temporary.native()}};
  const auto rows = dir.file("a.csv", "id,text\nr0,row 0\n").native();
  CHECK(tests::run({"status"}, environment).exit == 0);
  CHECK(tests::run({"poll"}, environment).exit == 0);
  CHECK(tests::run({"fetch", "nobody"}, environment).exit == 64);
  const Words dry{"submit", rows, "--model", "gpt-5.4-mini", "--prompt", "Repeat: {{text}}", "--dry-run"};
  CHECK(tests::run(dry, environment).exit == 0);
  CHECK_FALSE(fs::exists(dir / "home"));
  CHECK(fs::is_empty(temporary));
}

TEST_SUITE_END();
