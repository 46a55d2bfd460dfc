#include "tests/support/child.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/lock.hpp>

#include <doctest/doctest.h>

#include <csignal>

using namespace batchwright;
using tests::in_child;
using tests::Signal;
using tests::status_of;

TEST_SUITE_BEGIN("base::lock");

TEST_CASE("of two processes one holds the lock, and the other sees that")
{
  const tests::FreshDirectory home;
  const auto path = home / "job.lock";
  const Signal held;
  const Signal done;
  const auto child = in_child([&] {
    const auto lock = FileLock::try_lock(path);
    held.tell();
    done.wait();
    ::_exit(lock ? 0 : 1);
  });
  held.wait();
  CHECK(FileLock::is_held(path));
  CHECK_FALSE(FileLock::try_lock(path).has_value());
  done.tell();
  CHECK(status_of(child) == 0);
  CHECK_FALSE(FileLock::is_held(path));
  CHECK(FileLock::try_lock(path).has_value());
}

TEST_CASE("the lock of a process that was killed is free")
{
  const tests::FreshDirectory home;
  const auto path = home / "job.lock";
  const Signal held;
  const auto child = in_child([&] {
    const auto lock = FileLock::try_lock(path);
    held.tell();
    for (;;)
      ::pause();
  });
  held.wait();
  CHECK(FileLock::is_held(path));
  ::kill(child, SIGKILL);
  CHECK(WTERMSIG(status_of(child)) == SIGKILL);
  CHECK(FileLock::try_lock(path).has_value());
}

TEST_CASE("a lock lives as long as its holder, and moves with it")
{
  const tests::FreshDirectory home;
  const auto path = home / "job.lock";
  CHECK_FALSE(FileLock::is_held(path)); // no file, no holder; and asking makes none
  CHECK_FALSE(std::filesystem::exists(path));
  {
    auto lock = FileLock::try_lock(path);
    REQUIRE(lock.has_value());
    CHECK_FALSE(FileLock::try_lock(path).has_value()); // within one process, too
    const FileLock moved = std::move(*lock);
    lock.reset();
    CHECK(FileLock::is_held(path));
  }
  CHECK_FALSE(FileLock::is_held(path));
  CHECK(std::filesystem::exists(path)); // removing it would let two hold "the" lock
}

TEST_CASE("a directory is held by many who read, or by one who removes")
{
  const tests::FreshDirectory home;
  CHECK(DirectoryHold::try_alone(home.path()).has_value());
  {
    const auto one = DirectoryHold::shared(home.path());
    const auto two = DirectoryHold::shared(home.path());
    CHECK_FALSE(DirectoryHold::try_alone(home.path()).has_value());
  }
  const auto alone = DirectoryHold::try_alone(home.path());
  CHECK(alone.has_value());
  CHECK_FALSE(DirectoryHold::try_alone(home.path()).has_value());
  CHECK(std::filesystem::is_empty(home.path()));
  CHECK_FALSE(DirectoryHold::try_alone(home / "gone").has_value());
  CHECK_NOTHROW(DirectoryHold::shared(home / "gone"));
}

TEST_CASE("a lock that cannot be made is an error that names it")
{
  const tests::FreshDirectory home;
  try {
    FileLock::try_lock(home / "no" / "job.lock");
    FAIL("locked a file that cannot be");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::storage);
    CHECK(std::string_view{e.what()}.find("job.lock") != std::string_view::npos);
  }
}

TEST_SUITE_END();
