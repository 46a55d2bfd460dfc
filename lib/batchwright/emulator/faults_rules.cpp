#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/faults_members.hpp>
#include <batchwright/emulator/faults_rules.hpp>

#include <limits>

namespace batchwright::emulator {
namespace {

constexpr auto any_number = std::numeric_limits<std::int64_t>::min();

/// Refuses members that were given though the rule's action does not look at them.
void refuse_beside(const Members& members, bool looked_at, std::initializer_list<const char*> keys,
                   std::string_view expected)
{
  for (const auto* key : keys)
    if (!looked_at && members.given(key)) members.refuse(key, expected);
}

Phase usual_phase(Action action)
{
  return goes_with(Phase::before_effect, action) && action != Action::garbage ? Phase::before_effect
                                                                              : Phase::after_effect;
}

void take_effect(Members& members, Effect& effect)
{
  members.take("action", effect.action,
               {{"delay", Action::delay},
                {"status", Action::status},
                {"html", Action::html},
                {"slow_down", Action::slow_down},
                {"close", Action::close},
                {"reset", Action::reset},
                {"hang", Action::hang},
                {"drip", Action::drip},
                {"wrong_length", Action::wrong_length},
                {"garbage", Action::garbage},
                {"truncate", Action::truncate}});
  effect.phase = usual_phase(effect.action);
  members.take(
      "phase", effect.phase,
      {{"before-effect", Phase::before_effect}, {"after-effect", Phase::after_effect}, {"mid-body", Phase::mid_body}});
  if (!goes_with(effect.phase, effect.action)) members.refuse("phase", "one that goes with the action");
}

/// What is answered instead, by the actions that answer something of their own.
void take_answer(Members& members, HttpFault& rule)
{
  const auto action = rule.effect.action;
  std::int64_t status = action == Action::html ? 502 : rule.status;
  members.take("status", status);
  if (status < 100 || status > 599) members.refuse("status", "an HTTP status, 100 to 599");
  rule.status = static_cast<int>(status);
  // A body is given as text, or as JSON that is sent as it stands.
  if (const auto body = members.take("body")) rule.body = body->text().value_or(std::string{body->raw()});
  rule.headers = members.take_texts("headers");
  const bool names_status = action == Action::status || action == Action::html;
  refuse_beside(members, action == Action::status, {"body"}, "the action \"status\" beside it");
  refuse_beside(members, names_status, {"status"}, "the action \"status\" or \"html\" beside it");
  refuse_beside(members, names_status || action == Action::slow_down, {"headers"},
                "the action \"status\", \"html\" or \"slow_down\" beside it");
}

} // namespace

BatchesAt share_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  BatchesAt rule{.batches = members.take_which("batch")};
  members.take("after_share", rule.after_share);
  members.finish();
  return rule;
}

FailBatches fail_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  FailBatches rule{.batches = members.take_which("batch")};
  members.take("code", rule.code);
  members.take("message", rule.message);
  if (const auto line = members.take("line"); line && !line->is(json::Kind::null)) {
    rule.line = line->integer();
    if (!rule.line) members.refuse("line", "a whole number or null");
  }
  members.finish();
  return rule;
}

StuckBatches stuck_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  StuckBatches rule{.batches = members.take_which("batch")};
  members.take("state", rule.state,
               {{"validating", StuckIn::validating},
                {"in_progress", StuckIn::in_progress},
                {"finalizing", StuckIn::finalizing},
                {"cancelling", StuckIn::cancelling}});
  members.take("after_share", rule.after_share);
  refuse_beside(members, rule.state == StuckIn::in_progress, {"after_share"}, "the state \"in_progress\" beside it");
  members.finish();
  return rule;
}

CancelFaults cancel_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  CancelFaults rule{.batches = members.take_which("batch")};
  members.take("how", rule.how, {{"refused", CancelFaults::How::refused}, {"ignored", CancelFaults::How::ignored}});
  members.finish();
  return rule;
}

Miscount miscount_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  Miscount rule{.batches = members.take_which("batch")};
  members.take("total", rule.total, any_number);
  members.take("completed", rule.completed, any_number);
  members.take("failed", rule.failed, any_number);
  members.finish();
  return rule;
}

VanishFiles vanish_rule(const json::Value& value, const std::string& where)
{
  using File = VanishFiles::File;
  using Part = VanishFiles::Part;
  Members members{value, where};
  VanishFiles rule;
  members.take("file", rule.file, {{"output", File::output}, {"error", File::error}, {"input", File::input}});
  rule.of = members.take_which(rule.file == File::input ? "upload" : "batch");
  members.take("part", rule.part, {{"all", Part::all}, {"content", Part::content}});
  members.take("after_ms", rule.after_ms);
  members.finish();
  return rule;
}

ForeignBatch foreign_batch(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  ForeignBatch batch;
  members.take("model", batch.model);
  members.take("endpoint", batch.endpoint);
  if (!endpoint_at(batch.endpoint)) members.refuse("endpoint", "one that batches know, as \"/v1/chat/completions\"");
  members.take("tokens", batch.tokens);
  members.take("requests", batch.requests, 1);
  members.take("until_ms", batch.until_ms);
  members.finish();
  return batch;
}

HttpFault http_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  HttpFault rule{.calls = members.take_which("nth")};
  members.take("method", rule.method);
  members.take("path", rule.path);
  members.take("from_ms", rule.from_ms);
  members.take("for_ms", rule.for_ms, 1);
  take_effect(members, rule.effect);
  members.take("delay_ms", rule.delay_ms);
  std::int64_t at = 0;
  members.take("at_byte", at);
  if (members.given("at_byte")) rule.at_byte = at;
  members.take("bytes_per_second", rule.bytes_per_second, 1);
  take_answer(members, rule);
  refuse_beside(members, rule.effect.phase != Phase::after_effect, {"at_byte"},
                "the phase \"mid-body\" or \"before-effect\" beside it");
  refuse_beside(members, rule.effect.action == Action::drip, {"bytes_per_second"}, "the action \"drip\" beside it");
  members.finish();
  return rule;
}

} // namespace batchwright::emulator
