#include <batchwright/model/call.hpp>
#include <batchwright/model/events.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/outcome.hpp>
#include <batchwright/model/view.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace batchwright;

namespace {

/// The words of an enum from its first value to `last`, each followed by a space.
template<class Enum>
std::string words_up_to(Enum last)
{
  std::string words;
  for (int n = 0; n <= static_cast<int>(last); ++n)
    words.append(name(static_cast<Enum>(n))).append(" ");
  return words;
}

} // namespace

TEST_SUITE_BEGIN("model::words");

TEST_CASE("each value has its word, in the order of the stored numbers")
{
  CHECK(words_up_to(Route::reused) == "batch realtime reused ");
  CHECK(words_up_to(PartState::abandoned) ==
        "planned uploading queued creating running cancelling ended fetched settled superseded abandoned ");
  CHECK(words_up_to(Mode::realtime) == "batch hybrid realtime ");
  CHECK(words_up_to(Fallback::realtime) == "batch none realtime ");
  CHECK(words_up_to(Pause::disk) == "none auth quota budget account failures unknown_submission disk ");
  CHECK(words_up_to(InputFormat::tsv) == "auto csv jsonl text tsv ");
  CHECK(words_up_to(JobState::done) == "planned open running paused cancelling done ");
  CHECK(words_up_to(Phase::merging) == "reading building uploading running downloading settling merging ");
  CHECK(words_up_to(Status::failed) == "pending succeeded failed ");
}

TEST_CASE("words that users give are known in that spelling only")
{
  for (const auto value : {Fallback::batch, Fallback::none, Fallback::realtime})
    CHECK(fallback_named(name(value)) == value);
  for (const auto value :
       {InputFormat::automatic, InputFormat::csv, InputFormat::jsonl, InputFormat::text, InputFormat::tsv})
    CHECK(input_format_named(name(value)) == value);
  for (const auto* word : {"", "Batch", "batch ", "automatic", "xlsx"}) {
    CHECK_FALSE(fallback_named(word).has_value());
    CHECK_FALSE(input_format_named(word).has_value());
  }
}

TEST_CASE("a job's name is short, plain and begins with a letter or digit")
{
  for (const auto* good : {"a", "0", "reviews", "reviews-2", "a_b-c", "0123456789012345678901234567890123456789"}) {
    CAPTURE(good);
    CHECK(is_job_name(good));
  }
  for (const auto* bad :
       {"", "-a", "_a", "A", "a b", "a/b", "..", "a.b", "é", "a\n", "01234567890123456789012345678901234567890"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_job_name(bad));
  }
}

TEST_CASE("a name is made from any input's name")
{
  CHECK(job_name_from("reviews.csv") == "reviews");
  CHECK(job_name_from("Reviews (Final).csv") == "reviews-final");
  CHECK(job_name_from("reviews.2026.csv.gz") == "reviews");
  CHECK(job_name_from("__init__.py") == "init__");
  CHECK(job_name_from("--a--b--.txt") == "a-b");
  CHECK(job_name_from(".hidden") == "hidden");
  CHECK(job_name_from("漢字.csv") == "job");
  CHECK(job_name_from("-") == "job");
  CHECK(job_name_from("") == "job");
  CHECK(job_name_from(std::string(39, 'a') + " b.csv") == std::string(39, 'a'));
  for (int c = 1; c < 256; ++c) {
    const auto made = job_name_from(std::string(3, static_cast<char>(c)) + "x" + static_cast<char>(c));
    CAPTURE(made);
    CHECK(is_job_name(made));
  }
}

TEST_CASE("stored numbers stay what they are")
{
  CHECK(static_cast<int>(CallKind::upload) == 0);
  CHECK(static_cast<int>(CallKind::create) == 1);
  CHECK(static_cast<int>(CallState::intended) == 0);
  CHECK(static_cast<int>(CallState::answered) == 1);
  CHECK(static_cast<int>(CallState::not_sent) == 2);
  CHECK(static_cast<int>(CallState::adopted) == 3);
  CHECK(static_cast<int>(CallState::abandoned) == 4);
}

TEST_SUITE_END();
