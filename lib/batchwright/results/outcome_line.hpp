// The form of an outcome file: one line for each item that has an outcome, in ascending order of ordinals.
//
//   ORDINAL TAB s|f TAB CODE TAB 0|1 TAB ANSWER LF
//
// `s` succeeded, `f` failed. CODE is why it failed, or would have but that the user accepts it, written as the inside
// of a JSON string so that it holds no TAB, or `-` where there is nothing against it. `1`: paid for. ANSWER is a line
// of our own where the server gave none, or where it is made of a line that several items share; else it says where the
// server's line stands, `@FILE:OFFSET:SIZE`, which is kept as it came. Files are counted from 0 as the first line of
// the outcome file names them, which it does where there are any:
//
//   @ TAB NAME (TAB NAME)... LF
//
// each as the inside of a JSON string, and relative to the directory of the outcome file where it stands in that.
// Files that were written before schema 17 hold every line themselves.
#pragma once

#include <batchwright/results/gather.hpp>
#include <batchwright/results/results.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {

/// Appends what stands before the answer.
void append_outcome_head(std::string& out, Ordinal ordinal, Status status, std::string_view code, bool paid);

/// Reads a line without its newline. Views point into it; `decoded` keeps a code that had to be decoded. The answer is
/// ANSWER; route and attempt are left alone. Nothing where the line has another form.
std::optional<Outcome> parse_outcome(std::string_view line, std::string& decoded);

/// Appends the ANSWER that says where a line stands.
void append_place(std::string& out, const Span& place);

/// What an ANSWER says of where the line stands; nothing where it is the line.
std::optional<Span> parse_place(std::string_view answer);

/// Appends the first line of an outcome file that stands in `directory`.
void append_answer_files(std::string& out, const std::vector<std::filesystem::path>& files,
                         const std::filesystem::path& directory);

/// The files that the first line of an outcome file in `directory` names; nothing where it is an outcome.
std::optional<std::vector<std::filesystem::path>> parse_answer_files(std::string_view line,
                                                                     const std::filesystem::path& directory);

} // namespace batchwright::results
