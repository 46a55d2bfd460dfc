#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/store/layout.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using store::Layout;

namespace {

auto mode_of(const std::filesystem::path& path)
{
  return std::filesystem::status(path).permissions();
}

} // namespace

TEST_SUITE_BEGIN("store::layout");

TEST_CASE("every path of a job lies in its directory, its lock outside")
{
  const Layout layout{"/state"};
  CHECK(layout.database() == "/state/state.db");
  CHECK(layout.lock("reviews") == "/state/locks/reviews.lock");
  const auto job = layout.job("reviews");
  CHECK(job.directory() == "/state/jobs/reviews");
  CHECK(job.requests(1) == "/state/jobs/reviews/0001.requests.jsonl");
  CHECK(job.ordinals(4) == "/state/jobs/reviews/0004.ordinals");
  CHECK(job.output(12) == "/state/jobs/reviews/0012.output.jsonl");
  CHECK(job.errors(123) == "/state/jobs/reviews/0123.errors.jsonl");
  CHECK(job.outcomes(1234, 0) == "/state/jobs/reviews/1234.outcomes");
  CHECK(job.outcomes(1, 2) == "/state/jobs/reviews/0001.outcomes-2");
  CHECK(job.left(12345) == "/state/jobs/reviews/12345.left");
  CHECK(job.quarantine(1) == "/state/jobs/reviews/0001.quarantine.jsonl");
}

TEST_CASE("a state root is made with its parents, for its owner alone, and made again without harm")
{
  const tests::FreshDirectory home;
  const Layout layout{home / "deep" / "state"};
  layout.prepare();
  layout.prepare();
  for (const auto& directory : {layout.root(), layout.jobs(), layout.locks(), layout.root().parent_path()}) {
    CAPTURE(directory);
    REQUIRE(std::filesystem::is_directory(directory));
    CHECK(mode_of(directory) == std::filesystem::perms::owner_all);
  }
}

TEST_CASE("a root that is a file is refused with its name")
{
  const tests::FreshDirectory home;
  const Layout layout{home.file("state", "not a directory")};
  try {
    layout.prepare();
    FAIL("a file was taken for a directory");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::storage);
    CHECK(std::string_view{e.what()}.find(layout.root().native()) != std::string_view::npos);
  }
}

TEST_SUITE_END();
