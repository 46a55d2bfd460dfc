// What is left to be done will come to: tokens and money, expected and at worst, by what answers of the prompt taught.
// Comes in: work by model, as the input and the options have it. Goes out: values. Sends nothing.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/workload.hpp>
#include <batchwright/model/caching.hpp>
#include <batchwright/model/estimate.hpp>
#include <batchwright/money/forecast.hpp>
#include <batchwright/results/results.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::engine {

/// What stands for the prompt of a part's requests where answers are remembered: a digest of what they have in common.
/// Ready-made requests have only their job in common.
std::string prompt_digest(const Job& job, const Part& part);

/// What is known of the prompt of some of a job's requests.
struct Known {
  Experience whole = {};
  SeenOutputs outputs = {};
};
Known known_of(const Tools& tools, const Job& job, const std::string& model, const Part& like = {});
/// How far the input may be off, corrected by what is known: little where the job's own answers, or several jobs',
/// corrected it.
double input_error(const Known& known);

/// What a settled part's answers teach goes into the store, within the transaction that settles it. Where the job's
/// input is not known nobody can say of which prompt they are: they teach nothing.
void learn_from(store::Transaction& tx, const store::Store& store, const Job& job, const Part& part,
                const results::Settled& settled);

/// What requests of a new job have in common, by model, is remembered as well: it tells what can be cached before
/// answers do.
void learn_shared(store::Transaction& tx, const store::Store& store, const Job& job,
                  const std::map<std::string, SharedPrompt>& by_model);

/// Work as it is expected, at least, at most, and at worst: by model. Where one request may be a long one, all of it is
/// priced as that at most and at worst alone.
struct Forecast {
  Basis basis = Basis::none;
  std::uint64_t answers = 0;
  std::optional<Tokens> usual = {}; ///< of one answer: what 99 of 100 stay below; nothing: not known
  WorkByModel expected = {};
  WorkByModel low = {};
  WorkByModel high = {};
  std::optional<WorkByModel> worst = {}; ///< nothing: nothing bounds it
};

/// `like`: with its overrides.
Forecast forecast(const Tools& tools, const Job& job, const WorkByModel& raw, const Part& like = {});

/// What parts come to, each on its route. `shared`: what their requests have in common, where they were looked at.
Estimate estimate(const Tools& tools, const Job& job, const std::vector<Part>& parts, const Part& like = {},
                  const std::map<std::string, SharedPrompt>& shared = {});

/// The job is expected to come to that.
void expect(Job& job, const Estimate& whole);

/// Whether any of the job that goes by batch may go in real time in the end.
bool may_go_live(const Job& job);

/// What is left to be done, by what answers taught.
Forecast forecast_of_rest(const Tools& tools, const Job& job, const std::vector<Part>& parts);

/// What a job comes to as a whole: what was spent, and what is left by what its answers taught.
Estimate estimate_of_job(const Tools& tools, const Job& job, const std::vector<Part>& parts);

/// The output of one request of a part.
money::Length length_of(const Tools& tools, const Job& job, const Part& part);
/// The input of a part, corrected by what answers taught.
Tokens input_of(const Tools& tools, const Job& job, const Part& part);

} // namespace batchwright::engine
