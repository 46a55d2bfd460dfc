// Merged results against what the emulator is documented to answer.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace tests {

/// The lines of a text, without their ends.
std::vector<std::string> split_lines(const std::string& text);

/// Checks merged JSON lines: so many, in input order, each succeeded with the emulator's answer to its question.
void check_answers(const std::string& merged, int count, const std::function<std::string(int index)>& question);

} // namespace tests
