// Our account against the provider's own figures: the organisation's usage, by day, model and route. In: jobs of the
// store, and what the usage endpoints say. Out: rows, each with what comes of the comparison. Sends nothing that costs.
//
// The organisation's figures hold other traffic, too: more of it than ours is no finding. Fewer is one, unless a
// passing reason is known. What is not settled here yet is not in ours, and makes the provider's more.
#pragma once

#include <batchwright/api/usage.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/model/reconciliation.hpp>
#include <batchwright/wire/usage.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace batchwright::engine {

/// What is compared as one: both sides have figures for it.
struct UsageGroup {
  Instant day = {};
  std::string model = {};         ///< shared_name()
  std::optional<bool> batch = {}; ///< nothing: of embeddings, whose routes the provider does not tell apart
  wire::UsageKind kind = wire::UsageKind::completions;

  auto operator<=>(const UsageGroup&) const = default;
};

/// Our side of a group.
struct OurUsage {
  Used used = {};
  bool holds_calls = false; ///< some of it was sent in real time
  std::set<std::string> jobs = {};
};

struct OurAccount {
  std::map<UsageGroup, OurUsage> groups = {};
  std::map<std::string, std::uint64_t> not_compared = {}; ///< by job: items of endpoints whose usage is not compared
};

/// What settled parts of these jobs used. Requests of packs are known where all of a part was answered on one day.
OurAccount account_of(Tools& tools, const std::vector<Job>& jobs);

/// Compares each group of ours, or, where a job is named, those that it has a share in. `today`: the day, and those
/// after it, of which the provider need not have told all.
Reconciliation compare(const OurAccount& ours, const std::map<UsageGroup, Used>& providers, Instant today,
                       const std::string& job = {});

/// Whose work is compared.
struct Scope {
  std::string base_url = {}; ///< as Job::base_url
  std::string account = {};  ///< as Job::account: the jobs that are summed up. Where a job is named, those of its own
  std::string job = {};      ///< only what it has a share in is shown; empty: all
};

/// Asks the provider for the days of ours, and one more before and after, and compares. Throws `Fault::usage` for an
/// unknown job, `Fault::config` for one at another server than `base_url`, `Fault::auth` where the key may not read the
/// usage, `Fault::rejected` where the server has no such endpoint, `Fault::network` where there is no whole answer.
Reconciliation reconcile(Tools& tools, api::UsageReader& provider, const Scope& scope);

} // namespace batchwright::engine
