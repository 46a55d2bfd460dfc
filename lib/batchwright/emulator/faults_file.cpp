#include <batchwright/base/error.hpp>
#include <batchwright/emulator/fate.hpp>
#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/faults_members.hpp>
#include <batchwright/emulator/faults_rules.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

namespace batchwright::emulator {
namespace {

void take_shares(Members& members, Faults& faults)
{
  double sum = 0;
  for (const auto& s : shares()) {
    members.take(s.key, faults.*s.share);
    sum += faults.*s.share;
  }
  // An item meets one fault at most, so the shares are slices of one cake.
  if (sum > 1 + 1e-9) members.refuse("fail_share", "shares that add up to 1 at most");
}

void take_speeds(Members& members, Faults& faults)
{
  members.take("validating_ms", faults.validating_ms);
  members.take("in_progress_ms", faults.in_progress_ms);
  members.take("finalizing_ms", faults.finalizing_ms);
  members.take("cancelling_ms", faults.cancelling_ms);
  members.take("chat_latency_ms", faults.chat_latency_ms);
  members.take("chat_latency_spread_ms", faults.chat_latency_spread_ms);
  members.take("requests_per_second", faults.requests_per_second);
}

/// Takes the rules under `key`, each as `read` reads it.
template<class Rule>
void take_rules(Members& members, std::string_view key, std::vector<Rule>& rules,
                Rule (*read)(const json::Value&, const std::string&))
{
  members.take_list(key,
                    [&](const json::Value& value, const std::string& where) { rules.push_back(read(value, where)); });
}

void take_batch_rules(Members& members, Faults& faults)
{
  take_rules(members, "expire_batches", faults.expire_batches, share_rule);
  take_rules(members, "fail_batches", faults.fail_batches, fail_rule);
  take_rules(members, "stuck_batches", faults.stuck_batches, stuck_rule);
  take_rules(members, "cancel_faults", faults.cancel_faults, cancel_rule);
  take_rules(members, "miscount_batches", faults.miscount_batches, miscount_rule);
  take_rules(members, "vanish_files", faults.vanish_files, vanish_rule);
}

void take_room(Members& members, Faults& faults)
{
  members.take("enqueued_token_limit", faults.enqueued_token_limit);
  faults.enqueued_token_limits = members.take_numbers("enqueued_token_limits", 1);
  members.take("enqueued_request_limit", faults.enqueued_request_limit);
  members.take("no_room", faults.no_room,
               {{"failed", NoRoom::failed}, {"429", NoRoom::status_429}, {"400", NoRoom::status_400}});
  take_rules(members, "foreign_batches", faults.foreign_batches, foreign_batch);
}

void take_shapes(Members& members, Faults& faults)
{
  members.take("absent_file_id", faults.absent_file_id,
               {{"null", AbsentFileId::null}, {"empty", AbsentFileId::empty}, {"missing", AbsentFileId::missing}});
  members.take("null_request_counts", faults.null_request_counts);
  members.take("extra_fields", faults.extra_fields);
  members.take("unknown_status", faults.unknown_status);
  members.take("list_lag_ms", faults.list_lag_ms);
  members.take("list_ignores_after", faults.list_ignores_after);
  members.take("list_ignores_limit", faults.list_ignores_limit);
  members.take("list_without_metadata", faults.list_without_metadata);
  members.take("no_range", faults.no_range);
  members.take("no_prompt_cache", faults.no_prompt_cache);
  members.take("ids_late_ms", faults.ids_late_ms);
  members.take("files_expire_ms", faults.files_expire_ms);
}

void take_rate(Members limits, Rate& rate)
{
  limits.take("rpm", rate.rpm, 1);
  limits.take("tpm", rate.tpm, 1);
  limits.take("project_tpm", rate.project_tpm, 1);
  limits.take("foreign_rpm", rate.foreign_rpm);
  limits.take("foreign_tpm", rate.foreign_tpm);
  limits.take("window_ms", rate.window_ms);
  limits.take("headers", rate.headers);
  limits.take("retry_after", rate.retry_after);
  if (rate.window_ms > 60'000) limits.refuse("window_ms", "a whole number, 0 to 60000");
  limits.finish();
}

} // namespace

Faults parse_faults(std::string_view json, std::string_view file_name)
{
  json::Document document;
  const auto where = fmt::format("reading faults from {}", file_name);
  if (!document.parse(json)) {
    const auto& fault = document.fault();
    throw Error{Fault::input, fmt::format("{}: not JSON at byte {}: {}", where, fault.byte, fault.what)}.at(
        {.file = std::string{file_name}, .line = 0, .byte = fault.byte});
  }
  Faults faults{.source = std::string{json}};
  Members members{document.root(), where};
  take_speeds(members, faults);
  take_shares(members, faults);
  members.take("passing_after", faults.passing_after);
  members.take("bad_text", faults.bad_text);
  take_batch_rules(members, faults);
  take_room(members, faults);
  take_rules(members, "http", faults.http, http_rule);
  members.take("copies", faults.copies, 1);
  take_shapes(members, faults);
  members.take("flex_unavailable_share", faults.flex_unavailable_share);
  if (const auto rate = members.take("rate")) take_rate({*rate, where + ", rate"}, faults.rate);
  members.finish();
  return faults;
}

} // namespace batchwright::emulator
