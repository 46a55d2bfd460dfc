#include <batchwright/json/json.hpp>
#include <batchwright/report/report.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

namespace {

JobView view_of_two_parts()
{
  JobView v;
  v.job = "reviews";
  v.state = JobState::running;
  v.mode = Mode::hybrid;
  v.model = "gpt-5.4-mini";
  v.endpoint = "/v1/chat/completions";
  v.items = {.items = 1000, .succeeded = 499, .failed = 1};
  Part settled;
  settled.number = 1;
  settled.state = PartState::settled;
  settled.requests = 500;
  settled.batch = BatchId{"batch_1"};
  settled.remote = {.status = "completed", .completed = 499, .failed = 1};
  settled.outcome = {.succeeded = 450, .failed = 50}; // unusable answers: the server counts them as completed
  settled.lapses_at = parse_rfc3339("2026-12-22T10:00:00Z");
  Part running;
  running.number = 2;
  running.attempt = 2;
  running.route = Route::realtime;
  running.state = PartState::running;
  running.requests = 500;
  v.parts = {settled, running};
  v.estimated = PicoUsd{1'200'000'000'000};
  v.spent = PicoUsd{1'350'000};
  v.realtime = PicoUsd{2'700'001};
  v.created_at = *parse_rfc3339("2026-11-22T10:00:00Z");
  v.next_poll_at = *parse_rfc3339("2026-11-22T10:05:00Z");
  return v;
}

} // namespace

TEST_SUITE_BEGIN("report::objects");

TEST_CASE("a job's object has the members of the contract in their order")
{
  CHECK(report::json(view_of_two_parts()) ==
        R"({"schema":1,"job":"reviews","state":"running","reason":null,"mode":"hybrid","model":"gpt-5.4-mini",)"
        R"("endpoint":"/v1/chat/completions","items":{"total":1000,"succeeded":499,"failed":1,"pending":500},)"
        R"("parts":[{"part":1,"route":"batch","attempt":1,"state":"settled","batch_id":"batch_1",)"
        R"("batch_status":"completed","requests":500,"completed":499,"failed":1,)"
        R"("outputs_lapse_at":"2026-12-22T10:00:00Z"},)"
        R"({"part":2,"route":"realtime","attempt":2,"state":"running","batch_id":null,"batch_status":null,)"
        R"("requests":500,"completed":0,"failed":0,"outputs_lapse_at":null}],)"
        R"("cost":{"estimated_usd":1.2,"spent_usd":0.00000135,"saved_usd":0.000001350001,)"
        R"("possibly_billed_again_usd":0},"created_at":"2026-11-22T10:00:00Z","deadline":null,"eta":null,)"
        R"("next_poll_at":"2026-11-22T10:05:00Z","message":null})");
}

TEST_CASE("what is not known is null, and a pause tells its reason and its message")
{
  JobView v;
  v.job = "bare";
  v.state = JobState::paused;
  v.pause = Pause::unknown_submission;
  v.message = "line one\n\"two\" \xff\x1b";
  const auto line = report::json(v);
  json::Document doc;
  REQUIRE(doc.parse(line));
  const auto root = doc.root();
  CHECK(root.find("reason")->text() == "unknown_submission");
  CHECK(root.find("message")->text() == "line one\n\"two\" \uFFFD\x1b"); // a script gets the text, not a picture of it
  CHECK(root.find("model")->is(json::Kind::null));
  CHECK(root.find("parts")->elements().empty());
  for (const auto* key : {"estimated_usd", "spent_usd", "saved_usd"})
    CHECK(root.find("cost", key)->is(json::Kind::null));
  CHECK(root.find("next_poll_at")->is(json::Kind::null));
  CHECK(line.find('\n') == std::string::npos);
}

TEST_CASE("an error's object tells its exit code, its hint and the place in the user's file")
{
  const Error placed = Error{Fault::input, "has 3 fields", "see --skip-bad"}.at({"reviews.csv", 17, 123});
  CHECK(report::json(placed, Exit::input) ==
        R"({"error":{"exit_code":65,"message":"has 3 fields","hint":"see --skip-bad",)"
        R"("file":"reviews.csv","line":17,"byte":123}})");
  CHECK(report::json(Error{Fault::newer_state, "newer"}, Exit::newer_state) ==
        R"({"error":{"exit_code":76,"message":"newer","hint":null,"file":null,"line":null,"byte":null}})");
  const Error whole_file = Error{Fault::input, "empty"}.at({"\xff.csv", 0, {}});
  CHECK(report::json(whole_file, Exit::input) == "{\"error\":{\"exit_code\":65,\"message\":\"empty\",\"hint\":null,"
                                                 "\"file\":\"\uFFFD.csv\",\"line\":null,\"byte\":null}}");
  CHECK(report::json_warning("a \"b\"") == R"({"warning":{"message":"a \"b\""}})");
}

TEST_CASE("an error for people names the place once, and hints below")
{
  const report::Style plain;
  const Error placed = Error{Fault::input, "has 3 fields, the header has 4", "mend it"}.at({"reviews.csv", 17, 123});
  CHECK(report::text(placed, plain) == "error: reviews.csv:17: has 3 fields, the header has 4\n  hint: mend it");
  const Error tells = Error{Fault::input, "reading reviews.csv, line 17: bad"}.at({"reviews.csv", 17, 123});
  CHECK(report::text(tells, plain) == "error: reading reviews.csv, line 17: bad");
  CHECK(report::text(Error{Fault::input, "is empty"}.at({"a.csv", 0, {}}), plain) == "error: a.csv: is empty");
  CHECK(report::text(Error{Fault::network, "said: \x1b[2J"}, plain) == "error: said: \\x1b[2J");
  CHECK(report::text(Error{Fault::network, "lost"}, {80, true}) == "\x1b[31merror:\x1b[0m lost");
  CHECK(report::warning("put aside: line 3", plain) == "warning: put aside: line 3");
}

TEST_SUITE_END();
