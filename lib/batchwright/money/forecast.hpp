// How long the answers of a piece of work will be, by its bound or by what earlier answers taught. Pure.
#pragma once

#include <batchwright/model/estimate.hpp>
#include <batchwright/model/experience.hpp>
#include <batchwright/model/money.hpp>

#include <cstdint>
#include <optional>

namespace batchwright::money {

/// The output of a request of some work, in tokens.
struct Length {
  Basis basis = Basis::none;
  double expected = 0; ///< on average over the work
  double low = 0;      ///< the average is no less, in 19 of 20 cases, as far as answers tell
  double high = 0;     ///< and no more
  std::optional<Tokens> usual =
      {}; ///< 99 of 100 are no longer: by answers, or the bound; nothing where neither is known
  std::optional<Tokens> most = {}; ///< none is longer: the bound, or the model's own; nothing where neither is known
};

/// `bound`: of all choices of a request together; nothing: there is none. `seen`: outputs of the prompt so far.
/// `requests`: of the work. `model_most`: the model answers with no more. `choices`: so many answers each request asks
/// for, where nothing else is known of their length.
///
/// Answers of the same job say most. Earlier jobs of the prompt had other data: their averages differ from each other,
/// and how far they do, or by an assumption where there were too few of them, says how much they tell of this one.
Length expected_length(const std::optional<Tokens>& bound, const SeenOutputs& seen, std::uint64_t requests,
                       const std::optional<Tokens>& model_most, std::int64_t choices = 1);

/// How far the input may be off by our estimate: before answers of the prompt have corrected it, and after.
inline constexpr double input_error_at_first = 0.25;
inline constexpr double input_error_after = 0.05;

} // namespace batchwright::money
