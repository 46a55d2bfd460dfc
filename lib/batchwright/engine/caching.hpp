// What prompt caches make of the two routes: which costs less, and how prompts could be cached better. It is only said;
// nothing changes by itself. Sends nothing.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/model/caching.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::engine {

/// What work, as it is expected, costs on each route. Where batches have a cached price and no answers told how much
/// they cache, they are taken to cache as much as real time does. Nothing where a price is not known.
std::optional<RouteCosts> route_costs(const Tools& tools, const Job& job,
                                      const std::map<std::string, Workload>& expected);

/// The same of what is left of a job that could still go the other way; nothing where nothing is, or where it goes in
/// real time anyway.
std::optional<RouteCosts> route_costs_of_rest(const Tools& tools, const Job& job, const std::vector<Part>& parts);

/// What more could be cached of a job to one model, where that is worth it.
std::vector<CacheHint> cache_hints(const Tools& tools, const Job& job, const std::map<std::string, Workload>& expected,
                                   const std::map<std::string, SharedPrompt>& shared);

/// The two routes of a new job; nothing of one that is continued.
std::optional<RouteCosts> routes_of(const Tools& tools, const Draft& draft);
/// Whether real time costs less than the batches that are asked for.
bool is_live_cheaper(const Draft& draft, const std::optional<RouteCosts>& routes);

} // namespace batchwright::engine
