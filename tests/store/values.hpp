// Jobs, parts and calls with every member away from its default: what a store must bring back equal.
#pragma once

#include <batchwright/model/call.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>

#include <limits>
#include <string>

namespace tests {

/// Every byte there is: NUL, quotes, controls, and bytes that are no UTF-8 (a file name may hold them).
inline std::string every_byte()
{
  std::string all;
  for (int c = 0; c < 256; ++c)
    all += static_cast<char>(c);
  return all;
}

inline batchwright::Instant at(std::int64_t millis)
{
  return batchwright::Instant{batchwright::Millis{millis}};
}

inline batchwright::Job full_job(std::string name, std::uint64_t items)
{
  using namespace batchwright;
  Job job;
  job.name = std::move(name);
  job.uuid = "5f0e8a52-0000-4000-8000-000000000001";
  job.mode = Mode::hybrid;
  job.inputs = {
      {.path = "/data/" + every_byte(), .format = InputFormat::csv, .bytes = 1, .sha256 = "aa", .witness = "1:2:3"},
      {.path = "/data/b.jsonl",
       .format = InputFormat::jsonl,
       .bytes = 1ULL << 63,
       .sha256 = "bb",
       .columns = {"id", "", std::string{"\0\x1f\"\\\n", 5}, "漢字", ""}}};
  job.request = {.model = "gpt-5.4-mini",
                 .endpoint = "/v1/responses",
                 .prompt = "Say {{text}} " + every_byte(),
                 .system = "漢字 😀",
                 .messages = "turns",
                 .body = R"({"input": "{{text}}"})",
                 .schema = R"({"type": "object"})",
                 .max_output_tokens = 77,
                 .set = {{"temperature", "0.20"}, {"stop", R"(["\u0000","'"])"}, {"temperature", "1e400"}},
                 .id_column = "id",
                 .inputs_per_request = 100,
                 .service_tier = "flex"};
  job.limits = {.requests = std::numeric_limits<std::uint64_t>::max(), .bytes = 200, .tokens = 300};
  job.policy = {.max_attempts = 5,
                .fallback = Fallback::realtime,
                .keep_requests = true,
                .adopt_grace = Millis{5},
                .enqueued_tokens = 6,
                .stop_on_failures = 7,
                .accept = "refused,truncated",
                .realtime = {.requests_per_minute = 36,
                             .tokens_per_minute = 37,
                             .max_in_flight = 38,
                             .headroom = 39,
                             .drain_timeout = Millis{40}},
                .deadline = at(41),
                .patience = Millis{42},
                .input_price = Price{49},
                .output_price = Price{50},
                .max_cost = PicoUsd{51},
                .strict_cap = true};
  job.urgent = {{"tier", every_byte()}, {"漢字", ""}, {"tier", "gold"}};
  job.probe = {0, 25, std::numeric_limits<Ordinal>::max()};
  job.awaits_word = true;
  job.told_live_is_cheaper = true;
  job.named_tiers = {"flex", "priority"};
  job.finish_has_cap = true;
  job.switched_at = at(43);
  job.ended_at = at(47);
  job.skip_bad = 9;
  job.items = items;
  job.base_url = "https://api.openai.com/v1";
  job.account = "api.openai.com/org-1/proj-1";
  job.estimated = PicoUsd{std::numeric_limits<std::int64_t>::max()};
  job.created_at = at(1'795'300'000'123);
  job.pause = Pause::unknown_submission;
  job.probe_at = at(21);
  job.probes = 22;
  job.advanced_at = at(23);
  job.message = "the server did not answer";
  job.handover = {
      .out = "/data/" + every_byte(), .on_done = "echo 'done'", .delivered_at = at(13), .hook_begun_at = at(14)};
  return job;
}

inline batchwright::Part full_part(int number, std::uint64_t items)
{
  using namespace batchwright;
  Part part;
  part.number = number;
  part.route = Route::realtime;
  part.attempt = 2;
  part.state = PartState::running;
  part.first = 1000;
  part.last = std::numeric_limits<Ordinal>::max();
  part.items = items;
  part.listed = true;
  part.mark = {.ordinal = 1000, .input = 1, .offset = 1ULL << 62, .line = 1017};
  part.requests = items;
  part.inputs_per_request = 25;
  part.model = "gpt-5.4-nano";
  part.endpoint = "/v1/embeddings";
  part.input_tokens = {123'456'789'012};
  part.bytes = 209'715'200;
  part.sha256 = "cc";
  part.file = FileId{"file-1"};
  part.batch = BatchId{"batch_1"};
  part.remote = {.status = "in_progress",
                 .total = 9,
                 .completed = 3,
                 .failed = 4,
                 .output_file = FileId{"file-out"},
                 .error_file = FileId{"file-err"},
                 .created_at = at(1),
                 .ended_at = at(-2),
                 .error_code = "token_limit_exceeded",
                 .error_message = every_byte()};
  part.polls = 6;
  part.due = at(0);
  part.refusals = 7;
  part.downloads = 8;
  part.lapses_at = at(1'797'892'000'000);
  part.outcome = {.succeeded = 1,
                  .failed = 2,
                  .cancelled = 48,
                  .left = 3,
                  .usage = {.input = {4}, .cached = {5}, .output = {6}, .reasoning = {7}, .cache_write = {52}},
                  .spent = {std::numeric_limits<std::int64_t>::min()},
                  .realtime = {8},
                  .priced = false};
  part.accepted = "truncated";
  part.file_created_at = at(30);
  part.max_output_tokens = 11;
  part.set = R"({"temperature":1})";
  part.short_since = at(31);
  part.reread = true;
  part.gone_since = at(32);
  part.born_at = at(33);
  part.outcomes_version = 34;
  part.failed_for_good = 35;
  part.pick = Pick::others;
  part.withdrawn = true;
  part.reserved = PicoUsd{53};
  part.billed_again = 44;
  part.progress_at = at(45);
  part.cancelled_at = at(46);
  part.choices = 71;
  part.spent_before_cap = {72};
  part.so_far = {.spent = {73}, .realtime = {74}, .priced = false, .bytes = 75};
  return part;
}

inline batchwright::Call full_call(std::string uuid, int part)
{
  using namespace batchwright;
  return {.uuid = std::move(uuid),
          .part = part,
          .kind = CallKind::create,
          .state = CallState::adopted,
          .begun_at = at(10),
          .server_time = at(11),
          .first_look_at = at(12)};
}

/// A job of so many items in one planned part, as a fresh `submit` leaves it.
inline batchwright::Job plain_job(std::string name, std::uint64_t items)
{
  batchwright::Job job;
  job.name = std::move(name);
  job.items = items;
  return job;
}

inline batchwright::Part plain_part(int number, std::uint64_t items)
{
  batchwright::Part part;
  part.number = number;
  part.items = items;
  return part;
}

} // namespace tests
