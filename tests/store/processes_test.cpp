#include "tests/store/values.hpp"
#include "tests/support/child.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/store/store.hpp>

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

using namespace batchwright;
using store::Store;
using store::Transaction;
using tests::in_child;
using tests::plain_job;
using tests::plain_part;
using tests::Signal;
using tests::status_of;

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
  const Signal begun;
  const Signal done;
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
