// The form of an outcome file: one line for each item that has an outcome, in ascending order of ordinals.
//
//   ORDINAL TAB s|f TAB CODE TAB 0|1 TAB ANSWER LF
//
// `s` succeeded, `f` failed. CODE is why it failed, or would have but that the user accepts it, written as the inside
// of a JSON string so that it holds no TAB, or `-` where there is nothing against it. `1`: paid for. ANSWER is the
// server's line byte for byte, or a line of our own where it gave none.
#pragma once

#include <batchwright/results/results.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace batchwright::results {

/// Appends what stands before the answer.
void append_outcome_head(std::string& out, Ordinal ordinal, Status status, std::string_view code, bool paid);

/// Reads a line without its newline. Views point into it; `decoded` keeps a code that had to be decoded. Route and
/// attempt are left alone. Nothing where the line has another form.
std::optional<Outcome> parse_outcome(std::string_view line, std::string& decoded);

} // namespace batchwright::results
