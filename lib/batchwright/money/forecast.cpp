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

/// So many answers tell how long the longest of a hundred is.
constexpr std::uint64_t answers_for_a_quantile = 100;
/// With fewer, what is usual is taken to be so much more than the longest that was seen.
constexpr double beyond_the_longest = 1.5;
/// And with fewer than so many the longest says little: it is no less than the average may be.
constexpr std::uint64_t answers_for_the_longest = 30;

/// Student's t for a two-sided interval of 95%, by degrees of freedom.
double t_of(std::uint64_t degrees)
{
  constexpr std::array table{12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23};
  if (degrees == 0) return table.front();
  if (degrees <= table.size()) return table[degrees - 1];
  return 1.96 + 2.5 / static_cast<double>(degrees);
}

/// Lengths are skewed: the interval is as wide upwards as downwards by factor, not by difference.
void spread(Length& length, const Outputs& seen, std::uint64_t requests)
{
  const auto n = static_cast<double>(seen.count());
  const auto deviation = std::max(seen.deviation(), least_deviation * seen.mean());
  const auto error = deviation * std::sqrt(1 / n + 1 / static_cast<double>(std::max<std::uint64_t>(1, requests)));
  const auto factor = 1 + t_of(seen.count() - 1) * error / std::max(1.0, seen.mean());
  length.low = length.expected / factor;
  length.high = length.expected * factor;
}

/// `high`: what the average is no more than.
Tokens usual_most(const Outputs& seen, double high)
{
  if (seen.count() >= answers_for_a_quantile) return seen.quantile(0.99);
  auto most = static_cast<double>(seen.most().n) * beyond_the_longest;
  if (seen.count() < answers_for_the_longest) most = std::max(most, high);
  return {static_cast<std::int64_t>(std::ceil(most))};
}

} // namespace

Length expected_length(const std::optional<Tokens>& bound, const Outputs& seen, std::uint64_t requests,
                       const std::optional<Tokens>& model_most)
{
  Length length{.usual = bound, .most = bound ? bound : model_most};
  if (!seen.empty()) {
    length.basis = Basis::answers;
    length.expected = seen.mean();
    spread(length, seen, requests);
    length.usual = usual_most(seen, length.high);
  } else if (bound) {
    length.basis = Basis::bound;
    length.expected = length.high = static_cast<double>(bound->n);
    length.low = std::min(1.0, length.expected);
  } else {
    length.basis = Basis::assumed;
    length.expected = static_cast<double>(assumed_output.n);
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
