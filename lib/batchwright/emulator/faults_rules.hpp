// The rules of a faults file, one by one: JSON in, values out, faults told as faults_members.hpp says.
#pragma once

#include <batchwright/emulator/batch_rules.hpp>
#include <batchwright/emulator/http_rule.hpp>
#include <batchwright/json/json.hpp>

#include <string>

namespace batchwright::emulator {

// `where` is how messages name the rule.
BatchesAt share_rule(const json::Value& value, const std::string& where);
FailBatches fail_rule(const json::Value& value, const std::string& where);
StuckBatches stuck_rule(const json::Value& value, const std::string& where);
CancelFaults cancel_rule(const json::Value& value, const std::string& where);
Miscount miscount_rule(const json::Value& value, const std::string& where);
VanishFiles vanish_rule(const json::Value& value, const std::string& where);
ForeignBatch foreign_batch(const json::Value& value, const std::string& where);
HttpFault http_rule(const json::Value& value, const std::string& where);

} // namespace batchwright::emulator
