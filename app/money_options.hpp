// What a job may cost and at which prices: options of `submit` and `run`, and those of them that other commands which
// spend share.
#pragma once

#include <batchwright/model/job.hpp>

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

namespace app {

struct MoneyOptions {
  std::string max_cost = {}; ///< dollars: "2.50"; empty: no cap
  bool strict_cap = false;
  std::vector<std::string> price = {}; ///< IN,OUT in dollars for a million tokens
};

/// `--max-cost` alone, for commands that spend on a job that is there. `what`: of what it is the cap.
void add_max_cost(CLI::App& command, std::string& max_cost, const std::string& what);
void add_money_options(CLI::App& command, MoneyOptions& options);

/// Throws `Fault::usage` for what is no amount, and for options that do not go together.
void apply(const MoneyOptions& options, batchwright::Policy& policy);

/// A cap that may be given; nothing where it is not.
std::optional<batchwright::PicoUsd> cap_of(const std::string& max_cost);

/// Whether what is expected to be spent is covered by the cap: that is consent to spend it.
bool is_covered(const std::string& max_cost, const std::optional<batchwright::PicoUsd>& expected);

/// An amount as users write it: "2.50", "$2.50". Throws `Fault::usage` naming the option.
batchwright::PicoUsd amount_of(const std::string& text, const char* option);

} // namespace app
