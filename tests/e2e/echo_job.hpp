// The job that end-to-end tests run: rows of a CSV that the model is asked to repeat.
#pragma once

#include "tests/support/answers.hpp"
#include "tests/support/fresh_directory.hpp"
#include "tests/support/program.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>

namespace tests {

/// A CSV of so many rows with the columns id and text.
inline std::filesystem::path rows(const FreshDirectory& dir, int count)
{
  std::string csv = "id,text\n";
  for (int i = 0; i < count; ++i)
    csv += fmt::format("r{},row {}\n", i, i);
  return dir.file("a.csv", csv);
}

/// The words of `submit` or `run` on it, with nothing tried first; consent (`--yes`) is the caller's.
inline Words job_words(const std::string& command, const std::filesystem::path& input, const Words& more = {})
{
  Words words{command, input.native(), "--model", "gpt-5.4-mini", "--prompt", "Repeat: {{text}}", "--probe", "0"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// The same with consent.
inline Words paid_words(const std::string& command, const std::filesystem::path& input, const Words& more = {})
{
  auto words = job_words(command, input, more);
  words.emplace_back("--yes");
  return words;
}

/// Every row succeeded, in order, with its own text.
inline void check_complete(const std::string& merged, int count)
{
  check_answers(merged, count, [](int i) { return fmt::format("Repeat: row {}", i); });
}

} // namespace tests
