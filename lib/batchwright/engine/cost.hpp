// Money of a job: which prices hold for it, what work comes to at them, and what was spent. Sends nothing.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/model/spending.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::engine {

/// The prices of a model for a job: what its user says (`--price`), else those of the table; nothing: not known.
std::optional<money::ModelPrices> prices_of(const Tools& tools, const Job& job, std::string_view model);

/// The service tier that real-time requests of the job ask for, by its option or in their bodies; empty: the usual one.
/// Where those of ready-made bodies differ, the one that has no known price.
std::string tier_asked(const Job& job);

/// What work by model costs on a route, in the tier that the job's real-time requests ask for; all of it as long
/// requests do, where the largest may be one. Nothing where a price is not known.
std::optional<PicoUsd> cost_of_work(const Tools& tools, const Job& job, const std::map<std::string, Workload>& by_model,
                                    Route route);
/// The same at the most that the server may bill: who asks for the flex tier may be served in the standard one.
std::optional<PicoUsd> most_cost_of_work(const Tools& tools, const Job& job,
                                         const std::map<std::string, Workload>& by_model, Route route);

/// What each of a job's parts that has outcomes used, by part, day and tier; of those that an older version settled, on
/// the day that they ended.
std::vector<Spending> spending_of(Tools& tools, const Job& job, const std::vector<Part>& parts);

/// Parts that were settled without a known price have one now: their sums, and their spending in the store.
void price_again(Tools& tools, store::Transaction& tx, const Job& job, std::vector<Part>& parts);

/// What a job was expected to cost and what it cost so far, by day, route, tier and model: of settled parts from the
/// store, of real-time parts that are not settled yet from their journals. Parts that an older version settled count on
/// the day that they ended. Throws `Fault::usage` for an unknown job, naming near ones; `Fault::storage`.
CostView account(Tools& tools, const std::string& job);

} // namespace batchwright::engine
