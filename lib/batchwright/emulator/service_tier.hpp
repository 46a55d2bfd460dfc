// Which service tier a real-time call is answered in. In: the endpoint and the body of a request. Out: the tier that
// the answer names, or why there is none of that name here. In a batch a tier means nothing: its answers say "default".
#pragma once

#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/model_reply.hpp>
#include <batchwright/json/json.hpp>

#include <optional>
#include <string>

namespace batchwright::emulator {

struct ServiceTier {
  std::string used = "default"; ///< as the answer says it: the one asked for, "default" for none and for auto
  std::optional<ApiError> fault = {};

  /// Whether it may be out of resources.
  bool flex() const { return used == "flex" && !fault; }
};

/// Where the endpoint knows no tiers, all is "default".
ServiceTier service_tier_of(const Endpoint& endpoint, const json::Value& body);

} // namespace batchwright::emulator
