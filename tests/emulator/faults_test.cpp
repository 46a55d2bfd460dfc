#include <batchwright/base/error.hpp>
#include <batchwright/emulator/faults.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using emulator::Fate;
using emulator::Faults;

TEST_SUITE_BEGIN("emulator::faults");

namespace {

std::string refusal_of(std::string_view json)
{
  try {
    emulator::parse_faults(json, "faults.json");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::input);
    return e.what();
  }
  return "accepted";
}

emulator::Effect effect(emulator::Phase phase, emulator::Action action)
{
  return {.phase = phase, .action = action};
}

bool says(std::string_view json, std::string_view words)
{
  const auto message = refusal_of(json);
  INFO(message);
  return message.find("faults.json") != std::string::npos && message.find(words) != std::string::npos;
}

} // namespace

TEST_CASE("every key of the file reaches its member")
{
  const auto f = emulator::parse_faults(
      R"({"validating_ms":1,"in_progress_ms":2,"finalizing_ms":3,"cancelling_ms":4,"chat_latency_ms":5,"chat_latency_spread_ms":15,"requests_per_second":6,
"fail_share":0.01,"never_ran_share":0.02,"transient_share":0.03,"drop_share":0.04,"duplicate_share":0.05,
"unreadable_share":0.06,"truncate_share":0.07,"refuse_share":0.08,"content_filter_share":0.09,"model_fail_share":0.1,"tool_call_share":0.11,"bad_text":"x","passing_after":2,
"expire_batches":[{"batch":2,"after_share":0.5}],
"fail_batches":[{"batch":[1,3],"code":"token_limit_exceeded","message":"Full.","line":null},{"every":4,"line":7}],
"stuck_batches":[{"first":2,"after_share":0.9},{"state":"cancelling"}],"enqueued_token_limit":1000,"enqueued_token_limits":{"gpt-4o":7},
"enqueued_request_limit":5,"no_room":"429","foreign_batches":[{"model":"m","endpoint":"/v1/embeddings","tokens":9,"requests":3,"until_ms":4}],
"cancel_faults":[{"batch":1,"how":"ignored"}],"miscount_batches":[{"every":2,"total":1,"completed":-2,"failed":3}],
"vanish_files":[{"file":"error","batch":2,"part":"content","after_ms":6},{"file":"input","upload":[4]}],
"list_ignores_after":true,"list_ignores_limit":true,"list_without_metadata":true,"no_range":true,"no_prompt_cache":true,"ids_late_ms":13,
"stranger_share":0.12,"garbage_share":0.13,
"absent_file_id":"missing","null_request_counts":true,"extra_fields":true,"unknown_status":"odd","list_lag_ms":8,
"files_expire_ms":9,"copies":3,"flex_unavailable_share":0.25,
"rate":{"rpm":10,"tpm":11,"project_tpm":16,"foreign_rpm":17,"foreign_tpm":18,"window_ms":1000,"headers":false,"retry_after":false},
"http":[{"method":"POST","path":"/v1/batches","nth":[1,3],"phase":"after-effect","action":"status","status":503,"body":{"error":null},"headers":{"retry-after":"1"}},
{"path":"/v1/files/*/content","every":2,"phase":"mid-body","at_byte":5,"action":"reset"},{"first":1,"action":"html"},{"probability":0.5,"action":"close"},
{"phase":"after-effect","action":"hang"},{"delay_ms":12},{"action":"drip","bytes_per_second":14},{"action":"wrong_length"},
{"action":"garbage"},{"action":"truncate"},{"from_ms":19,"for_ms":20,"action":"slow_down","headers":{"c":"d"}}]})",
      "faults.json");
  CHECK(f.validating_ms == 1);
  CHECK(f.in_progress_ms == 2);
  CHECK(f.finalizing_ms == 3);
  CHECK(f.cancelling_ms == 4);
  CHECK(f.chat_latency_ms == 5);
  CHECK(f.chat_latency_spread_ms == 15);
  CHECK(f.requests_per_second == 6);
  CHECK(f.fail_share == 0.01);
  CHECK(f.never_ran_share == 0.02);
  CHECK(f.transient_share == 0.03);
  CHECK(f.drop_share == 0.04);
  CHECK(f.duplicate_share == 0.05);
  CHECK(f.unreadable_share == 0.06);
  CHECK(f.truncate_share == 0.07);
  CHECK(f.refuse_share == 0.08);
  CHECK(f.content_filter_share == 0.09);
  CHECK(f.model_fail_share == 0.1);
  CHECK(f.tool_call_share == 0.11);
  CHECK(f.bad_text == "x");
  CHECK(f.passing_after == 2);
  REQUIRE(f.expire_batches.size() == 1);
  CHECK(f.expire_batches[0].batches.nth == std::vector<std::int64_t>{2});
  REQUIRE(f.fail_batches.size() == 2);
  CHECK(f.fail_batches[0].batches.nth == std::vector<std::int64_t>{1, 3});
  CHECK(f.fail_batches[0].message == "Full.");
  CHECK_FALSE(f.fail_batches[0].line);
  CHECK(f.fail_batches[1].batches.every == 4);
  CHECK(f.fail_batches[1].line == 7);
  REQUIRE(f.stuck_batches.size() == 2);
  CHECK(f.stuck_batches[0].batches.first == 2);
  CHECK(f.stuck_batches[0].after_share == 0.9);
  CHECK(f.stuck_batches[0].state == emulator::StuckIn::in_progress);
  CHECK(f.stuck_batches[1].state == emulator::StuckIn::cancelling);
  CHECK(f.enqueued_token_limit == 1000);
  CHECK(f.enqueued_token_limits.at("gpt-4o") == 7);
  CHECK(f.enqueued_request_limit == 5);
  CHECK(f.no_room == emulator::NoRoom::status_429);
  REQUIRE(f.foreign_batches.size() == 1);
  CHECK(f.foreign_batches[0].model == "m");
  CHECK(f.foreign_batches[0].endpoint == "/v1/embeddings");
  CHECK(f.foreign_batches[0].tokens == 9);
  CHECK(f.foreign_batches[0].requests == 3);
  CHECK(f.foreign_batches[0].until_ms == 4);
  REQUIRE(f.cancel_faults.size() == 1);
  CHECK(f.cancel_faults[0].how == emulator::CancelFaults::How::ignored);
  REQUIRE(f.miscount_batches.size() == 1);
  CHECK(f.miscount_batches[0].total == 1);
  CHECK(f.miscount_batches[0].completed == -2);
  CHECK(f.miscount_batches[0].failed == 3);
  REQUIRE(f.vanish_files.size() == 2);
  CHECK(f.vanish_files[0].file == emulator::VanishFiles::File::error);
  CHECK(f.vanish_files[0].part == emulator::VanishFiles::Part::content);
  CHECK(f.vanish_files[0].after_ms == 6);
  CHECK(f.vanish_files[1].of.nth == std::vector<std::int64_t>{4});
  CHECK(f.list_ignores_after);
  CHECK(f.list_ignores_limit);
  CHECK(f.list_without_metadata);
  CHECK(f.no_range);
  CHECK(f.no_prompt_cache);
  CHECK(f.ids_late_ms == 13);
  CHECK(f.stranger_share == 0.12);
  CHECK(f.garbage_share == 0.13);
  CHECK(f.absent_file_id == emulator::AbsentFileId::missing);
  CHECK(f.null_request_counts);
  CHECK(f.extra_fields);
  CHECK(f.unknown_status == "odd");
  CHECK(f.list_lag_ms == 8);
  CHECK(f.files_expire_ms == 9);
  CHECK(f.copies == 3);
  CHECK(f.rate.rpm == 10);
  CHECK(f.rate.tpm == 11);
  CHECK(f.rate.project_tpm == 16);
  CHECK(f.rate.foreign_rpm == 17);
  CHECK(f.rate.foreign_tpm == 18);
  CHECK(f.rate.window_ms == 1000);
  CHECK_FALSE(f.rate.headers);
  CHECK_FALSE(f.rate.retry_after);
  CHECK(f.flex_unavailable_share == 0.25);
  REQUIRE(f.http.size() == 11);
  CHECK(f.http[0].method == "POST");
  CHECK(f.http[0].calls.nth == std::vector<std::int64_t>{1, 3});
  CHECK(f.http[0].effect == effect(emulator::Phase::after_effect, emulator::Action::status));
  CHECK(f.http[0].status == 503);
  CHECK(f.http[0].body == R"({"error":null})");
  CHECK(f.http[0].headers.at("retry-after") == "1");
  CHECK(f.http[1].effect == effect(emulator::Phase::mid_body, emulator::Action::reset));
  CHECK(f.http[1].at_byte == 5);
  CHECK(f.http[2].effect == emulator::Effect::html);
  CHECK(f.http[2].status == 502);
  CHECK(f.http[3].effect == emulator::Effect::close_before);
  CHECK(f.http[3].calls.probability == 0.5);
  CHECK(f.http[4].effect == effect(emulator::Phase::after_effect, emulator::Action::hang));
  CHECK(f.http[5].effect == emulator::Effect::delay);
  CHECK(f.http[5].delay_ms == 12);
  CHECK(f.http[6].effect == effect(emulator::Phase::after_effect, emulator::Action::drip));
  CHECK(f.http[6].bytes_per_second == 14);
  CHECK(f.http[7].effect == effect(emulator::Phase::after_effect, emulator::Action::wrong_length));
  CHECK(f.http[8].effect == effect(emulator::Phase::after_effect, emulator::Action::garbage));
  CHECK(f.http[9].effect == effect(emulator::Phase::after_effect, emulator::Action::truncate));
  CHECK(f.http[10].effect == effect(emulator::Phase::before_effect, emulator::Action::slow_down));
  CHECK(f.http[10].from_ms == 19);
  CHECK(f.http[10].for_ms == 20);
  CHECK(f.http[10].headers.at("c") == "d");
}

TEST_CASE("what a file says wrong is named")
{
  CHECK(refusal_of("{}") == "accepted");
  CHECK(says("{", "not JSON at byte 1"));
  CHECK(says("[]", "expected an object"));
  CHECK(says(R"({"fial_share":0.1})", "unknown key \"fial_share\""));
  CHECK(says(R"({"fail_share":1.5})", "\"fail_share\": expected a number from 0 to 1"));
  CHECK(says(R"({"fail_share":"1"})", "a number from 0 to 1"));
  CHECK(says(R"({"fail_share":0.6,"drop_share":0.6})", "add up to 1"));
  CHECK(says(R"({"validating_ms":-1})", "a whole number, 0 or more"));
  CHECK(says(R"({"null_request_counts":1})", "true or false"));
  CHECK(says(R"({"absent_file_id":"none"})", "one of \"null\", \"empty\", \"missing\""));
  CHECK(says(R"({"expire_batches":{}})", "an array"));
  CHECK(says(R"({"expire_batches":[{"batch":0}]})", "expire_batches[0]"));
  CHECK(says(R"({"http":[{},{"acton":"html"}]})", "http[1]: unknown key \"acton\""));
  CHECK(says(R"({"http":[{"action":"status","status":99}]})", "100 to 599"));
  CHECK(says(R"({"rate":{"rpm":0}})", "rate"));
  CHECK(says(R"({"fail_batches":[{"batch":[]}]})", "an array of at least one"));
  CHECK(says(R"({"stuck_batches":[{"every":0}]})", "\"every\": expected a whole number, 1 or more"));
  CHECK(says(R"({"http":[{"nth":[],"action":"html"}]})", "\"nth\": expected a number from 1 up, or an array of at"));
  CHECK(
      says(R"({"http":[{"action":"delay","status":500}]})", "\"status\": expected the action \"status\" or \"html\""));
  CHECK(says(R"({"http":[{"action":"close","headers":{}}]})", "\"headers\": expected the action"));
  CHECK(says(R"({"http":[{"action":"html","body":"x"}]})", "\"body\": expected the action \"status\" beside it"));
  CHECK(says(R"({"http":[{"body":""}]})", "\"body\""));
  CHECK(refusal_of(R"({"http":[{"action":"html","status":504,"headers":{"a":"b"}}]})") == "accepted");
  CHECK(says(R"({"http":[{"action":"explode"}]})", "http[0]: \"action\": expected one of \"delay\", \"status\""));
  CHECK(says(R"({"http":[{"phase":"before_effect"}]})", "one of \"before-effect\", \"after-effect\", \"mid-body\""));
  CHECK(says(R"({"http":[{"phase":"mid-body","action":"status"}]})",
             "\"phase\": expected one that goes with the action"));
  CHECK(says(R"({"http":[{"phase":"before-effect","action":"drip"}]})", "\"phase\": expected one that goes"));
  CHECK(says(R"({"http":[{"phase":"after-effect","action":"close","at_byte":3}]})", "\"at_byte\": expected the phase"));
  CHECK(says(R"({"http":[{"action":"close","bytes_per_second":3}]})", "\"bytes_per_second\": expected the action"));
  CHECK(says(R"({"http":[{"probability":0}]})", "\"probability\": expected a number above 0"));
  CHECK(says(R"({"http":[{"effect":"html"}]})", "unknown key \"effect\""));
  CHECK(
      says(R"({"stuck_batches":[{"state":"failed"}]})", "stuck_batches[0]: \"state\": expected one of \"validating\""));
  CHECK(says(R"({"stuck_batches":[{"state":"validating","after_share":1}]})", "\"after_share\": expected the state"));
  CHECK(says(R"({"cancel_faults":[{"how":"no"}]})", "cancel_faults[0]: \"how\""));
  CHECK(says(R"({"vanish_files":[{"file":"input","batch":1}]})", "unknown key \"batch\""));
  CHECK(says(R"({"foreign_batches":[{"endpoint":"/v1/audio"}]})", "foreign_batches[0]: \"endpoint\""));
  CHECK(says(R"({"enqueued_token_limits":{"m":"1"}})", "an object of whole numbers, 1 or more"));
  CHECK(says(R"({"no_room":429})", "one of \"failed\", \"429\", \"400\""));
  CHECK(
      says(R"({"rate":{"window_ms":60001}})", "faults.json, rate: \"window_ms\": expected a whole number, 0 to 60000"));
  CHECK(says(R"({"rate":{"foreign_rpm":-1}})", "rate: \"foreign_rpm\": expected a whole number, 0 or more"));
  CHECK(says(R"({"rate":{"foreign_tpm":0.5}})", "rate: \"foreign_tpm\": expected a whole number"));
  CHECK(says(R"({"rate":{"project_tpm":0}})", "rate: \"project_tpm\": expected a whole number, 1 or more"));
  CHECK(says(R"({"rate":{"headers":"no"}})", "rate: \"headers\": expected true or false"));
  CHECK(says(R"({"rate":{"retry_after":0}})", "rate: \"retry_after\": expected true or false"));
  CHECK(says(R"({"flex_unavailable_share":2})", "\"flex_unavailable_share\": expected a number from 0 to 1"));
  CHECK(says(R"({"chat_latency_spread_ms":-5})", "\"chat_latency_spread_ms\": expected a whole number, 0 or more"));
  CHECK(says(R"({"http":[{"from_ms":-1}]})", "http[0]: \"from_ms\": expected a whole number, 0 or more"));
  CHECK(says(R"({"http":[{"for_ms":0}]})", "http[0]: \"for_ms\": expected a whole number, 1 or more"));
  CHECK(says(R"({"http":[{"action":"slow_down","status":500}]})", "\"status\": expected the action \"status\" or"));
  CHECK(says(R"({"http":[{"action":"slow_down","body":"x"}]})", "\"body\": expected the action \"status\" beside"));
  CHECK(says(R"({"http":[{"action":"slow_down","phase":"mid-body"}]})", "\"phase\": expected one that goes with"));
  CHECK(says(R"({"copies":0})", "\"copies\": expected a whole number, 1 or more"));
}

TEST_CASE("an unknown key is answered with the known ones")
{
  try {
    emulator::parse_faults(R"({"rate":{"rps":1}})", "faults.json");
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.hint() == "the keys here are rpm, tpm, project_tpm, foreign_rpm, foreign_tpm, window_ms, headers, "
                      "retry_after");
  }
}

TEST_CASE("which events are picked")
{
  CHECK(emulator::Which{}.picks(17));
  const emulator::Which nth{.nth = {1, 3}};
  CHECK(nth.picks(1));
  CHECK_FALSE(nth.picks(2));
  const emulator::Which every{.every = 3};
  CHECK(every.picks(6));
  CHECK_FALSE(every.picks(7));
  const emulator::Which first{.first = 2};
  CHECK(first.picks(2));
  CHECK_FALSE(first.picks(3));
}

TEST_CASE("the share of items that is hit is the share that was asked for, and stays the same")
{
  const Faults faults{.fail_share = 0.05, .drop_share = 0.1, .content_filter_share = 0.2};
  int failed = 0, dropped = 0, filtered = 0, moved = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto id = "bw-" + std::to_string(i);
    const auto fate = emulator::fate_of(faults, 1, id, 0);
    CHECK(fate == emulator::fate_of(faults, 1, id, 0));
    failed += fate == Fate::failed ? 1 : 0;
    dropped += fate == Fate::dropped ? 1 : 0;
    filtered += fate == Fate::filtered ? 1 : 0;
    moved += fate != emulator::fate_of(faults, 2, id, 0) ? 1 : 0;
  }
  CHECK(failed == doctest::Approx(1000).epsilon(0.1));
  CHECK(dropped == doctest::Approx(2000).epsilon(0.1));
  CHECK(filtered == doctest::Approx(4000).epsilon(0.1));
  CHECK(moved > 5000);
}

TEST_CASE("passing faults pass, lasting ones do not")
{
  CHECK(emulator::fate_of({.transient_share = 1}, 0, "a", 0) == Fate::transient);
  CHECK(emulator::fate_of({.transient_share = 1}, 0, "a", 1) == Fate::fine);
  CHECK(emulator::fate_of({.never_ran_share = 1, .passing_after = 3}, 0, "a", 2) == Fate::never_ran);
  CHECK(emulator::fate_of({.never_ran_share = 1, .passing_after = 3}, 0, "a", 3) == Fate::fine);
  CHECK(emulator::fate_of({.drop_share = 1}, 0, "a", 1) == Fate::fine);
  CHECK(emulator::fate_of({.fail_share = 1}, 0, "a", 99) == Fate::failed);
}
