// What the answers of a prompt have taught: how far our estimate of its input was off, and how long its outputs are.
#pragma once

#include <batchwright/model/money.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright {

/// How long the answers of requests were: counts in buckets, each a tenth wider than the one before it.
class Outputs {
public:
  void add(Tokens tokens, std::uint64_t requests = 1);
  Outputs& operator+=(const Outputs& more);

  std::uint64_t count() const { return m_count; }
  bool empty() const { return m_count == 0; }
  Tokens most() const { return m_most; }
  /// REQUIRED: !empty()
  double mean() const { return m_sum / static_cast<double>(m_count); }
  /// All counts are halved: what comes from now on tells more.
  void fade();
  /// Of the single answers, as far as they tell: the sample's. REQUIRED: !empty()
  double deviation() const;
  /// So much that `share` of the answers took no more: the upper end of its bucket, and never above the most.
  /// REQUIRED: !empty()
  Tokens quantile(double share) const;

  /// As it is stored: "sum squares most bucket:count bucket:count ...".
  std::string text() const;
  /// Nothing for what `text` did not write.
  static std::optional<Outputs> read(std::string_view text);

  bool operator==(const Outputs&) const = default;

private:
  static constexpr std::size_t buckets = 160; // the last one begins beyond what any model says

  std::uint64_t m_count = 0;
  double m_sum = 0;
  double m_squares = 0;
  Tokens m_most = {};
  std::array<std::uint64_t, buckets> m_counts = {};
};

/// How long answers of a prompt were, by the jobs that asked.
struct SeenOutputs {
  Outputs own = {};                 ///< of the job at hand
  std::vector<Outputs> others = {}; ///< of other ones, each

  Outputs of_others() const;
  std::uint64_t count() const;
};

/// What a prompt cache did for the requests of a route that were answered.
struct CacheSeen {
  std::uint64_t answers = 0;
  Tokens input = {};
  Tokens read = {};
  Tokens written = {};

  void add(std::uint64_t requests, const Usage& usage);
  CacheSeen& operator+=(const CacheSeen& more);
  void fade();
  /// Whether it says what is to be expected. A few requests that are under way at once find nothing cached yet: that
  /// says little.
  bool tells() const { return read.n > 0 || answers >= 10; }
  /// What is to be expected of so much more input. The first request finds nothing, and does not count. REQUIRED:
  /// tells()
  CacheUse expected(Tokens more) const;

  bool operator==(const CacheSeen&) const = default;
};

struct Experience {
  std::string account = {}; ///< as Job::account
  std::string model = {};   ///< as it is asked for
  std::string prompt = {};  ///< a digest of what requests have in common
  std::string job = {};     ///< the uuid of the one that asked; empty: of several, older ones
  Tokens estimated = {};    ///< the input of answered requests, as we estimated it
  Tokens input = {};        ///< the same by their answers
  Outputs outputs = {};
  CacheSeen batch = {};
  CacheSeen live = {};
  Tokens shared = {}; ///< what requests have in common at their beginning, by our estimate

  /// What another one taught of the same prompt, later.
  Experience& operator+=(const Experience& more);
  /// What is remembered counts half as much from now on.
  void fade();
  /// Input by answers in terms of our estimate: 1 where nothing is known.
  double input_factor() const;

  bool operator==(const Experience&) const = default;
};

/// All that is known of a prompt, as one. `rows`: by the jobs that asked, the latest one last.
Experience sum_of(const std::vector<Experience>& rows);
/// How long its answers were, as a job sees them.
SeenOutputs outputs_for(const std::string& job, const std::vector<Experience>& rows);

} // namespace batchwright
