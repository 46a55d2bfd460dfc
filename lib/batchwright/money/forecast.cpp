#include <batchwright/money/forecast.hpp>
#include <batchwright/money/tokens.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace batchwright::money {
namespace {

/// Where nothing is known of answers they are taken to be this much shorter or longer than what is assumed, at most.
constexpr double assumed_spread = 10;

/// A few answers that are much alike say little of the rest.
constexpr double least_deviation = 0.2;
/// Where all of them are empty: tokens, of one as of the average.
constexpr double least_of_one = 0.01;

/// So many answers tell how long the longest of a hundred is.
constexpr std::uint64_t answers_for_a_quantile = 100;
/// With fewer, what is usual is taken to be so much more than the longest that was seen.
constexpr double beyond_the_longest = 1.5;
/// And with fewer than so many the longest says little: it is no less than the average may be.
constexpr std::uint64_t answers_for_the_longest = 30;

/// How far the average of a job lies from that of other jobs of its prompt, as a share of it: where fewer than
/// `jobs_that_tell` were seen. And at least.
constexpr double assumed_from_job_to_job = 0.5;
constexpr std::size_t jobs_that_tell = 3;
constexpr double least_from_job_to_job = 0.02;
/// A job that lies further off than so many deviations is another matter: the earlier ones say nothing of it.
constexpr double another_matter = 2;

/// Student's t for a two-sided interval of 95%, by degrees of freedom.
double t_of(std::uint64_t degrees)
{
  constexpr std::array table{12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23};
  if (degrees == 0) return table.front();
  if (degrees <= table.size()) return table[degrees - 1];
  return 1.96 + 2.5 / static_cast<double>(degrees);
}

/// What is believed of the average of a job's answers, and how far off that may be.
struct Belief {
  double mean = 0;
  double deviation = 0; ///< of that mean
  double of_one = 0;    ///< of a single answer
  double quantile = 0;  ///< so many deviations hold 19 of 20 cases
};

double square(double x)
{
  return x * x;
}

/// By the job's own answers. REQUIRED: there are some
Belief by_own(const Outputs& own)
{
  const auto of_one = std::max({own.deviation(), least_deviation * own.mean(), least_of_one});
  return {.mean = own.mean(),
          .deviation = of_one / std::sqrt(static_cast<double>(own.count())),
          .of_one = of_one,
          .quantile = t_of(own.count() - 1)};
}

/// How far averages of jobs lie from each other, as a share of them.
double from_job_to_job(const std::vector<Outputs>& jobs)
{
  if (jobs.size() < jobs_that_tell) return assumed_from_job_to_job;
  Outputs means;
  constexpr double scale = 1'000; // counts are whole
  for (const auto& job : jobs)
    means.add({std::llround(job.mean() * scale)});
  const auto n = static_cast<double>(jobs.size());
  const auto share = means.deviation() / std::max(1.0, means.mean()) * std::sqrt(1 + 1 / n);
  return std::max(least_from_job_to_job, share * t_of(jobs.size() - 1) / t_of(1'000));
}

/// By what earlier jobs took. REQUIRED: there are some
Belief by_others(const std::vector<Outputs>& others)
{
  Outputs all;
  for (const auto& other : others)
    all += other;
  return {.mean = all.mean(),
          .deviation = std::max(from_job_to_job(others) * all.mean(), least_of_one),
          .of_one = std::max({all.deviation(), least_deviation * all.mean(), least_of_one}),
          .quantile = t_of(1'000)};
}

/// By both: each weighs by how sure it is.
Belief by_both(const Outputs& own, const std::vector<Outputs>& others)
{
  const auto earlier = by_others(others);
  auto now = by_own(own);
  if (own.count() < answers_for_the_longest) { // too few to tell how far they lie apart: others tell that, too
    now.of_one = std::max(now.of_one, earlier.of_one * own.mean() / std::max(1.0, earlier.mean));
    now.deviation = now.of_one / std::sqrt(static_cast<double>(own.count()));
  }
  const auto apart = std::abs(now.mean - earlier.mean);
  now.quantile = earlier.quantile;
  if (others.size() < jobs_that_tell) return now;
  if (apart > another_matter * std::sqrt(square(now.deviation) + square(earlier.deviation))) return by_own(own);
  const auto weight = 1 / square(now.deviation);
  const auto weight_before = 1 / square(earlier.deviation);
  return {.mean = (now.mean * weight + earlier.mean * weight_before) / (weight + weight_before),
          .deviation = 1 / std::sqrt(weight + weight_before),
          .of_one = now.of_one,
          .quantile = earlier.quantile};
}

Belief belief_of(const SeenOutputs& seen)
{
  if (seen.others.empty()) return by_own(seen.own);
  return seen.own.empty() ? by_others(seen.others) : by_both(seen.own, seen.others);
}

/// Lengths are skewed: the interval is as wide upwards as downwards by factor, not by difference.
void spread(Length& length, const Belief& belief, std::uint64_t requests)
{
  const auto n = static_cast<double>(std::max<std::uint64_t>(1, requests));
  const auto error = std::sqrt(square(belief.deviation) + square(belief.of_one) / n);
  const auto factor = 1 + belief.quantile * error / std::max(1.0, belief.mean);
  length.expected = belief.mean;
  length.low = length.expected / factor;
  length.high = length.expected * factor;
}

/// `high`: what the average is no more than.
Tokens usual_most(const SeenOutputs& seen, double high)
{
  const bool is_known = seen.own.count() >= answers_for_the_longest;
  auto all = seen.own;
  if (!is_known) all += seen.of_others();
  const auto beyond = [](const Outputs& outputs) { return static_cast<double>(outputs.most().n) * beyond_the_longest; };
  auto most = all.count() >= answers_for_a_quantile ? static_cast<double>(all.quantile(0.99).n) : beyond(all);
  if (!is_known) most = std::max({most, high, beyond(seen.own)});
  return {static_cast<std::int64_t>(std::ceil(most))};
}

} // namespace

Length expected_length(const std::optional<Tokens>& bound, const SeenOutputs& seen, std::uint64_t requests,
                       const std::optional<Tokens>& model_most, std::int64_t choices)
{
  Length length{.usual = bound, .most = bound ? bound : model_most};
  if (seen.count() > 0) {
    length.basis = Basis::answers;
    spread(length, belief_of(seen), requests);
    length.usual = usual_most(seen, length.high);
  } else if (bound) {
    length.basis = Basis::bound;
    length.expected = length.high = static_cast<double>(bound->n);
    length.low = std::min(1.0, length.expected);
  } else {
    length.basis = Basis::assumed;
    length.expected = static_cast<double>((assumed_output * choices).n);
    length.low = length.expected / assumed_spread;
    length.high = length.expected * assumed_spread;
  }
  if (length.most) {
    const auto most = static_cast<double>(length.most->n);
    length.expected = std::min(length.expected, most);
    length.low = std::min(length.low, most);
    length.high = std::min(length.high, most);
    if (length.usual) length.usual = std::min(*length.usual, *length.most);
  }
  return length;
}

} // namespace batchwright::money
