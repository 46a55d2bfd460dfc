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

void add_money_options(CLI::App& command, MoneyOptions& options);

/// Throws `Fault::usage` for what is no amount, and for options that do not go together.
void apply(const MoneyOptions& options, batchwright::Policy& policy);

/// An amount as users write it: "2.50", "$2.50". Throws `Fault::usage` naming the option.
batchwright::PicoUsd amount_of(const std::string& text, const char* option);

} // namespace app
