#include "tests/support/fresh_directory.hpp"
#include "tests/support/hand_clock.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/report/progress.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

using namespace batchwright;
using namespace std::chrono_literals;
using report::ProgressWriter;

namespace {

const Instant start = *parse_rfc3339("2026-11-22T10:00:00Z");

Progress running(std::uint64_t done)
{
  return {Phase::running, "reviews", 0, done, 1000};
}

Progress uploading(int part, std::uint64_t done)
{
  return {Phase::uploading, "reviews", part, done, 10 << 20};
}

} // namespace

TEST_SUITE_BEGIN("report::progress");

TEST_CASE("the text sums what is under way by phase, bytes as bytes")
{
  CHECK(report::progress_text(running(412), {}) == "reviews: 412 of 1,000 answered (41.2%)");
  CHECK(report::progress_text(running(0), {uploading(1, 1 << 20), uploading(2, 4 << 20)}) ==
        "reviews: 0 of 1,000 answered (0%); uploading 2 parts, 5.0 MiB of 20.0 MiB");
  CHECK(report::progress_text(running(0), {{Phase::downloading, "reviews", 7, 2048, 0}}) ==
        "reviews: 0 of 1,000 answered (0%); downloading part 7, 2.0 KiB");
  CHECK(report::progress_text(running(0), {{Phase::downloading, "reviews", 7, 0, 0}}) ==
        "reviews: 0 of 1,000 answered (0%); downloading part 7");
  CHECK(report::progress_text({Phase::reading, "reviews", 0, 1 << 20, 4 << 20}, {}) ==
        "reviews: reading, 1.0 MiB of 4.0 MiB (25.0%)");
  CHECK(report::progress_text({Phase::merging, "reviews", 0, 5, 0}, {}) == "reviews: merging, 5");
}

TEST_CASE("a line on a terminal never fills the last column")
{
  const std::vector<Progress> parts{uploading(1, 1 << 20), uploading(2, 1), {Phase::downloading, "reviews", 3, 1, 0}};
  for (const int columns : {20, 59, 60, 80, 160}) {
    CAPTURE(columns);
    CHECK(report::width(report::progress_bar_line(running(412), parts, {columns, false})) < columns);
    Progress long_name = running(1000);
    long_name.job = "漢字漢字漢字漢字漢字漢字漢字漢字";
    CHECK(report::width(report::progress_bar_line(long_name, parts, {columns, false})) < columns);
  }
  CHECK(report::progress_bar_line(running(500), {}, {80, false}) ==
        "reviews  ━━━━━━━━━━━━──────────── 50.0%  500 of 1,000 answered");
}

TEST_CASE("on a terminal the line is drawn over at most ten times a second, and at once when all is done")
{
  ProgressWriter writer{ProgressWriter::Target::terminal, {}};
  const auto first = writer.show(running(1), start);
  CHECK(first.front() == '\r');
  CHECK(first.ends_with("answered\x1b[K"));
  CHECK(writer.show(running(2), start + 99ms).empty());
  CHECK(writer.show(running(3), start + 100ms).find(" 3 of 1,000") != std::string::npos);
  CHECK(writer.show(running(3), start + 300ms).empty()); // stands there already
  CHECK_FALSE(writer.show(running(1000), start + 301ms).empty());
  CHECK_FALSE(writer.show({Phase::merging, "reviews", 0, 0, 1000}, start + 302ms).empty());
}

TEST_CASE("a cleared line leaves nothing, and comes back with the next draw")
{
  ProgressWriter writer{ProgressWriter::Target::terminal, {}};
  CHECK(writer.clear().empty());
  writer.show(running(1), start);
  CHECK(writer.clear() == "\r\x1b[K");
  CHECK(writer.clear().empty());
  CHECK_FALSE(writer.show(running(1), start + 200ms).empty());
}

TEST_CASE("elsewhere a phase that lasts is told after 3 s, then every 30 s what is new, and how it ended")
{
  ProgressWriter writer{ProgressWriter::Target::log, {}};
  CHECK(writer.show(running(0), start).empty());
  CHECK(writer.show(running(1), start + 2999ms).empty());
  CHECK(writer.show(running(2), start + 3s) == "reviews: 2 of 1,000 answered (0.2%)\n");
  CHECK(writer.show(running(10), start + 32s).empty());
  CHECK(writer.show(running(20), start + 33s) == "reviews: 20 of 1,000 answered (2.0%)\n");
  CHECK(writer.show(running(20), start + 90s).empty()); // nothing new
  CHECK(writer.show(running(21), start + 91s) == "reviews: 21 of 1,000 answered (2.1%)\n");
  CHECK(writer.show(running(1000), start + 92s) == "reviews: 1,000 of 1,000 answered (100%)\n");
  CHECK(writer.show(running(1000), start + 200s).empty());
  CHECK(writer.clear().empty());
}

TEST_CASE("elsewhere a phase that is over at once leaves no line")
{
  ProgressWriter writer{ProgressWriter::Target::log, {}};
  CHECK(writer.show({Phase::reading, "reviews", 0, 0, 1000}, start).empty());
  CHECK(writer.show({Phase::reading, "reviews", 0, 1000, 1000}, start + 2s).empty());
  CHECK(writer.show(running(0), start + 4s).empty());
  CHECK(writer.show(running(1000), start + 5s).empty());
}

TEST_CASE("elsewhere a phase that ends early shows how far it came")
{
  ProgressWriter writer{ProgressWriter::Target::log, {}};
  writer.show(running(0), start);
  writer.show(running(600), start + 4s);
  writer.show(running(700), start + 5s);
  CHECK(writer.show({Phase::merging, "reviews", 0, 0, 1000}, start + 6s) == "reviews: 700 of 1,000 answered (70.0%)\n");
}

TEST_CASE("parts are shown with the whole that follows them, once")
{
  ProgressWriter writer{ProgressWriter::Target::log, {}};
  writer.show(running(0), start);
  CHECK(writer.show(uploading(1, 1 << 20), start + 4s).empty());
  CHECK(writer.show(running(0), start + 4s) ==
        "reviews: 0 of 1,000 answered (0%); uploading part 1, 1.0 MiB of 10.0 MiB\n");
  CHECK(writer.show(running(1), start + 35s) == "reviews: 1 of 1,000 answered (0.1%)\n");
}

TEST_CASE("several jobs are shown as their sum")
{
  ProgressWriter writer{ProgressWriter::Target::log, {}};
  writer.show(running(100), start);
  writer.show(uploading(2, 1 << 20), start + 4s);
  const auto text = writer.show({Phase::running, "letters", 0, 300, 3000}, start + 4s);
  CHECK(text == "2 jobs: 400 of 4,000 answered (10.0%); uploading part 2, 1.0 MiB of 10.0 MiB\n");
}

TEST_CASE("a file gets plain lines")
{
  const tests::FreshDirectory home;
  tests::HandClock clock;
  {
    const Descriptor fd{::open((home / "log").c_str(), O_WRONLY | O_CREAT, 0600)};
    report::ProgressLine line{fd.get(), {80, true}, clock};
    line.show(running(0));
    clock.tick(4s);
    line.show(running(1));
    line.show(running(1000));
    line.clear();
  }
  CHECK(tests::slurp(home / "log") == "reviews: 1 of 1,000 answered (0.1%)\nreviews: 1,000 of 1,000 answered (100%)\n");
}

TEST_SUITE_END();
