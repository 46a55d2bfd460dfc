// Input files made of strings, and streams over them read to their end.
#pragma once

#include "tests/support/fresh_directory.hpp"

#include <batchwright/input/input.hpp>
#include <batchwright/json/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tests {

/// An input that was not pinned: no digest, the format as given.
inline batchwright::PinnedInput input_file(const FreshDirectory& dir, std::string_view name, std::string_view content,
                                           batchwright::InputFormat format)
{
  return {dir.file(name, content).native(), format, content.size(), {}};
}

/// One item as text: columns and bytes as the stream gave them.
struct Seen {
  std::vector<std::pair<std::string, std::string>> fields = {};
  batchwright::Mark mark = {};

  const std::string& operator[](std::string_view column) const
  {
    for (const auto& [name, value] : fields) {
      if (name == column) return value;
    }
    static const std::string absent = "(absent)";
    return absent;
  }
};

inline std::vector<Seen> read_all(const std::vector<batchwright::PinnedInput>& inputs,
                                  batchwright::input::Options options = {}, batchwright::Mark from = {})
{
  std::vector<Seen> found;
  const auto stream = batchwright::input::open(inputs, std::move(options), from);
  while (const auto* item = stream->next()) {
    Seen seen;
    seen.mark = item->mark;
    item->each([&](std::string_view column, const batchwright::input::Field& field) {
      seen.fields.emplace_back(column, field.bytes);
    });
    found.push_back(std::move(seen));
  }
  return found;
}

/// The error that reading to the end throws; `Fault::bug` where it throws none.
inline batchwright::Error error_of(const std::vector<batchwright::PinnedInput>& inputs,
                                   batchwright::input::Options options = {}, batchwright::Mark from = {})
{
  try {
    read_all(inputs, std::move(options), from);
  } catch (const batchwright::Error& e) {
    return e;
  }
  return {batchwright::Fault::bug, "nothing was thrown"};
}

inline bool says(const batchwright::Error& e, std::string_view text)
{
  return std::string_view{e.what()}.find(text) != std::string_view::npos;
}

} // namespace tests
