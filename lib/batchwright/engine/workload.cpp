#include <batchwright/engine/workload.hpp>
#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/overrides.hpp>
#include <batchwright/wire/endpoint.hpp>
#include <batchwright/wire/request.hpp>

#include <algorithm>

namespace batchwright::engine {

WorkByModel raw_work(const Job& job, const std::vector<Part>& parts)
{
  WorkByModel by_model;
  for (const auto& p : parts) {
    if (p.route == Route::reused) continue; // nothing of it is asked
    auto& work = by_model[model_of(job, p)];
    work.usage.input += p.input_tokens;
    work.requests += p.requests;
    work.largest = std::max(work.largest, p.largest_input);
    if (!wire::has_output_tokens(endpoint_of(job, p))) continue;
    const auto choices = choices_of(job, p);
    work.choices = work.choices && choices ? std::optional{std::max(*work.choices, *choices)} : std::nullopt;
    const auto bound = output_bound_of(job, p);
    work.output_assumed = work.output_assumed || !bound;
    work.usage.output +=
        bound.value_or(money::assumed_output * choices.value_or(1)) * static_cast<std::int64_t>(p.requests);
  }
  return by_model;
}

std::optional<Tokens> output_bound_of(const Job& job, const Part& part)
{
  if (is_ready_made(job)) {
    const auto requests = static_cast<std::int64_t>(std::max<std::uint64_t>(1, part.requests));
    return part.output_bound ? std::optional{Tokens{(part.output_bound->n + requests - 1) / requests}} : std::nullopt;
  }
  const auto bound = wire::output_bound(requests::spec_of(job, part));
  const auto choices = choices_of(job, part);
  return bound && choices ? std::optional{*bound * *choices} : std::nullopt;
}

std::optional<std::int64_t> choices_of(const Job& job, const Part& part)
{
  return is_ready_made(job) ? part.choices : wire::choices_asked(requests::spec_of(job, part));
}

std::string bounded_by(const Job& job)
{
  if (is_ready_made(job)) return "a limit in each body";
  const auto* endpoint = wire::find_endpoint(job.request.endpoint);
  return endpoint && !endpoint->bound_field.empty() ? "--max-output-tokens" : "";
}

} // namespace batchwright::engine
