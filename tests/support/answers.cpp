#include "tests/support/answers.hpp"

#include <batchwright/emulator/answer.hpp>
#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>

#include <sstream>

namespace tests {

std::vector<std::string> split_lines(const std::string& text)
{
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

void check_answers(const std::string& merged, int count, const std::function<std::string(int)>& question)
{
  const auto lines = split_lines(merged);
  REQUIRE(lines.size() == static_cast<std::size_t>(count));
  batchwright::json::Document doc;
  for (int i = 0; i < count; ++i) {
    const auto& line = lines[static_cast<std::size_t>(i)];
    CAPTURE(line);
    REQUIRE(doc.parse(line));
    CHECK(doc.root().find("index")->integer() == i);
    CHECK(doc.root().find("status")->text() == "succeeded");
    CHECK(doc.root().find("output")->text() == batchwright::emulator::answer_for(question(i)));
  }
}

} // namespace tests
