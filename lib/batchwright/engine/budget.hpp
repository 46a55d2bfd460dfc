// What a part is kept back for under a cap, and what it spent. Sums over parts, never counters. Sends nothing.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace batchwright::engine {

/// What a part may come to on its route, and so what is kept back for it: its input as it is expected, with what our
/// estimate may be off, and each answer as long as 99 of 100 are, or as it may be. With `Policy::strict_cap` each as
/// long as it may be. In real time at what the dearest tier costs that the server may choose.
struct Reserve {
  PicoUsd input = {};
  PicoUsd output = {};
  std::uint64_t requests = 1;

  PicoUsd whole() const { return input + output; }
  /// Of one of its requests, on average.
  PicoUsd each() const { return {whole().n / static_cast<std::int64_t>(requests)}; }
  /// Of one that is so many times as long as they are on average.
  PicoUsd each(double size) const;
};

/// Nothing where a price is not known, or nothing bounds the answers.
std::optional<Reserve> reserve_of(const Tools& tools, const Job& job, const Part& part);

/// Whether the part is at the server as a batch, or may be, or its answers are on their way home.
bool is_under_way_by_batch(const Part& part);
/// What is kept back for such a part; else nothing.
PicoUsd kept_back_for(const Part& part);

/// What a part's outcomes cost, with what may have been billed twice; where no price of them is known, or its answers
/// were lost, what was kept back for it.
PicoUsd spent_by(const Tools& tools, const Job& job, const Part& part);

/// A cap is one of what comes from now on: what was spent, and what is under way by batch, is none of it
/// (`Part::before_cap`). Throws `Fault::storage`.
void cap_from_now(const Tools& tools, const Job& job, std::vector<Part>& parts);
/// A cap is one of the job as a whole: for what is under way already so much is kept back as would have been.
void cap_from_start(const Tools& tools, const Job& job, std::vector<Part>& parts);

/// What an answer's body says that it cost in real time; nothing where it does not say.
std::optional<PicoUsd> cost_of_body(const std::optional<money::ModelPrices>& prices, std::string_view body);

/// What stands in the journal of a part that is not settled yet, with what may have been billed. Throws
/// `Fault::storage`.
PicoUsd cost_of_journal(const Tools& tools, const Job& job, const Part& part, const std::filesystem::path& journal);

/// A cap that cannot be kept is said before anything is sent. Throws `Fault::usage`.
void check_cap(const Tools& tools, const Draft& draft);
/// The same where it is because a price is not known: of a model, or of a service tier that requests may ask for.
void check_prices(const Tools& tools, const Job& job, const std::vector<Part>& parts);

} // namespace batchwright::engine
