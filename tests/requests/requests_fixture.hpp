// Jobs over input files made of strings.
#pragma once

#include "tests/input/input_fixture.hpp"

#include <batchwright/requests/requests.hpp>

#include <sstream>

namespace tests {

inline batchwright::RequestSpec spec(std::string prompt)
{
  batchwright::RequestSpec s;
  s.model = "m";
  s.prompt = std::move(prompt);
  return s;
}

inline batchwright::Job job(std::vector<batchwright::PinnedInput> inputs, std::string prompt)
{
  batchwright::Job j;
  j.name = "reviews";
  j.inputs = std::move(inputs);
  j.request = spec(std::move(prompt));
  j.limits = {50'000, 190'000'000};
  return j;
}

/// All request lines of a job, made one after the other.
inline std::vector<std::string> lines_of(const batchwright::Job& j)
{
  std::vector<std::string> lines;
  const batchwright::requests::LineMaker maker{j.request};
  const auto stream = batchwright::input::open(j.inputs, {j.skip_bad, {}});
  batchwright::requests::LineTexts texts;
  while (const auto* item = stream->next())
    maker.append(lines.emplace_back(), *item, texts);
  return lines;
}

/// The error that `act` throws; `Fault::bug` where it throws none.
template<class Act>
batchwright::Error thrown_by(const Act& act)
{
  try {
    act();
  } catch (const batchwright::Error& e) {
    return e;
  }
  return {batchwright::Fault::bug, "nothing was thrown"};
}

} // namespace tests
