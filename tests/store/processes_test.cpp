#include "tests/store/values.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/store/store.hpp>

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <vector>

using namespace batchwright;
using store::Store;
using store::Transaction;
using tests::plain_job;
using tests::plain_part;

namespace {

/// Runs `work` in a process of its own, which ends without the destructors of this one's tests.
pid_t in_child(const std::function<void()>& work)
{
  const pid_t child = ::fork();
  if (child != 0) return child;
  try {
    work();
    ::_exit(0);
  } catch (const std::exception& e) {
    write_all(STDERR_FILENO, std::string{e.what()} + "\n");
    ::_exit(1);
  }
}

int status_of(pid_t child)
{
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

struct Pipe {
  Pipe() { REQUIRE(::pipe(ends) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe()
  {
    for (const int end : ends)
      ::close(end);
  }
  void tell() const { write_all(ends[1], "x"); }
  void wait() const
  {
    char c = 0;
    while (::read(ends[0], &c, 1) < 0)
      ;
  }
  int ends[2] = {};
};

} // namespace

TEST_SUITE_BEGIN("store::processes");

TEST_CASE("processes that open a fresh database at the same time all succeed")
{
  for (int round = 0; round < 20; ++round) {
    const tests::FreshDirectory home;
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
      children.push_back(in_child([&] {
        Store store{home / "state.db"};
        Transaction tx{store};
        tx.add(plain_job("job-" + std::to_string(i), 1));
        tx.put("job-" + std::to_string(i), plain_part(1, 1));
        tx.commit();
      }));
    }
    for (const auto child : children)
      CHECK(status_of(child) == 0);
    CHECK(Store{home / "state.db"}.jobs().size() == 6);
  }
}

TEST_CASE("of two processes that make the same job one succeeds and the other learns it")
{
  const tests::FreshDirectory home;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(in_child([&] {
      Store store{home / "state.db"};
      Transaction tx{store};
      try {
        tx.add(plain_job("reviews", 0));
      } catch (const Error& e) {
        ::_exit(e.fault() == Fault::busy ? 7 : 8);
      }
      tx.commit();
    }));
  }
  int made = 0;
  int told = 0;
  for (const auto child : children) {
    const int status = status_of(child);
    made += status == 0;
    told += WIFEXITED(status) && WEXITSTATUS(status) == 7;
  }
  CHECK(made == 1);
  CHECK(told == 3);
}

TEST_CASE("while another process writes, reading goes on and writing ends as busy when patience does")
{
  const tests::FreshDirectory home;
  const Pipe begun;
  const Pipe done;
  const auto child = in_child([&] {
    Store store{home / "state.db"};
    Transaction tx{store};
    tx.add(plain_job("theirs", 0));
    begun.tell();
    done.wait();
    tx.commit();
  });
  begun.wait();
  {
    Store store{home / "state.db", Millis{30}};
    CHECK(store.jobs().empty());
    try {
      Transaction tx{store};
      FAIL("two transactions at once");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::busy);
    }
    done.tell();
    CHECK(status_of(child) == 0);
    CHECK(store.jobs().size() == 1);
    Transaction tx{store};
    tx.add(plain_job("ours", 0));
    tx.commit();
    CHECK(store.jobs().size() == 2);
  }
}

TEST_CASE("a process killed inside a transaction leaves the state before it")
{
  const tests::FreshDirectory home;
  {
    Store store{home / "state.db"};
    Transaction tx{store};
    tx.add(plain_job("reviews", 2));
    tx.put("reviews", plain_part(1, 2));
    tx.commit();
  }
  const auto child = in_child([&] {
    Store store{home / "state.db"};
    Transaction tx{store};
    tx.put("reviews", tests::full_part(1, 2));
    ::_exit(9); // no destructor runs, as with a kill
  });
  CHECK(WEXITSTATUS(status_of(child)) == 9);
  CHECK(Store{home / "state.db"}.parts("reviews") == std::vector{plain_part(1, 2)});
}

TEST_SUITE_END();
