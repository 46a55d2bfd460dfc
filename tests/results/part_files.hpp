// A part with its downloaded files in a fresh directory, and lines to put into them.
#pragma once

#include "tests/support/fresh_directory.hpp"

#include <batchwright/model/pack_id.hpp>
#include <batchwright/results/results.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

/// A chat success of 10 input and 2 output tokens; `content` is JSON.
inline std::string success(std::string_view custom_id, std::string_view content = R"("ok")",
                           std::string_view finish_reason = "stop")
{
  return fmt::format(
      R"({{"id":"b","custom_id":"{}","response":{{"status_code":200,"request_id":"r-{}","body":{{"model":"m-2026",)"
      R"("choices":[{{"index":0,"message":{{"role":"assistant","content":{}}},"finish_reason":"{}"}}],)"
      R"("usage":{{"prompt_tokens":10,"completion_tokens":2}}}}}},"error":null}})",
      custom_id, custom_id, content, finish_reason);
}

/// A refusal by the model API.
inline std::string refusal(std::string_view custom_id, int status, std::string_view code = "odd")
{
  return fmt::format(
      R"({{"id":"b","custom_id":"{}","response":{{"status_code":{},"request_id":"r-{}","body":{{"error":)"
      R"({{"message":"words, \"quoted\"","code":"{}"}}}}}},"error":null}})",
      custom_id, status, custom_id, code);
}

/// A request that never ran.
inline std::string never_ran(std::string_view custom_id, std::string_view code = "batch_expired")
{
  return fmt::format(R"({{"id":"b","custom_id":"{}","response":null,"error":{{"code":"{}","message":"too late"}}}})",
                     custom_id, code);
}

inline std::string lines(const std::vector<std::string>& all)
{
  std::string text;
  for (const auto& line : all)
    text += line + '\n';
  return text;
}

inline std::string id(batchwright::Ordinal ordinal)
{
  return batchwright::default_custom_id(ordinal);
}

/// A batch part of a range of items.
inline batchwright::Part range(batchwright::Ordinal first, batchwright::Ordinal last)
{
  return {.number = 1, .first = first, .last = last, .items = last - first + 1, .requests = last - first + 1};
}

/// Where the files of a part stand in `directory`.
inline batchwright::results::SettleFiles files_in(const FreshDirectory& directory)
{
  return {.output = directory / "1.output.jsonl",
          .errors = directory / "1.errors.jsonl",
          .requests = directory / "1.requests.jsonl",
          .ordinals = directory / "1.ordinals",
          .outcomes = directory / "1.outcomes",
          .left = directory / "1.left",
          .left_free = directory / "1.left-free",
          .left_halved = directory / "1.left-halved",
          .quarantine = directory / "1.quarantine.jsonl"};
}

/// The outcomes of a file with the lines that they tell of in their place, as one that holds all lines itself.
inline std::string outcomes_in(const std::filesystem::path& path)
{
  std::istringstream outcomes{slurp(path)};
  std::vector<std::string> names;
  std::string text;
  for (std::string line; std::getline(outcomes, line);) {
    if (line.starts_with('@')) {
      std::istringstream files{line.substr(2)};
      for (std::string name; std::getline(files, name, '\t');)
        names.push_back(slurp(path.parent_path() / name));
      continue;
    }
    std::size_t file = 0;
    std::size_t offset = 0;
    std::size_t size = 0;
    const auto answer = line.rfind('\t') + 1;
    if (std::sscanf(line.c_str() + answer, "@%zu:%zu:%zu", &file, &offset, &size) == 3)
      line.replace(answer, std::string::npos, names.at(file).substr(offset, size));
    text += line + '\n';
  }
  return text;
}

} // namespace tests
