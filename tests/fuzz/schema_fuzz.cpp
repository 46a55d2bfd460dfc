// A schema, a NUL, and an answer: whatever the strict rules let pass can be checked against, unless for a pattern, and
// a line of ready-made requests is told of within its bytes.

#include "tests/fuzz/entry.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/requests/ready_made.hpp>
#include <batchwright/results/answer_schema.hpp>
#include <batchwright/wire/strict_schema.hpp>

using namespace batchwright;

namespace {

void check_answer(std::string_view schema, std::string_view answer)
{
  const bool strict = wire::check_strict(schema).empty();
  try {
    const auto words = results::AnswerSchema{schema}.violation(answer);
    tests::promise(strict);
    json::Document document;
    tests::promise(words || document.parse(answer));
  } catch (const Error& error) {
    tests::promise(error.fault() == Fault::input);
    tests::promise(!strict || schema.find("pattern") != std::string_view::npos ||
                   schema.find('\\') != std::string_view::npos);
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const auto text = tests::text_of(data, size);
  const auto nul = text.find('\0');
  const auto answer = nul == std::string_view::npos ? std::string_view{} : text.substr(nul + 1);
  check_answer(text.substr(0, nul), answer);
  json::Document document;
  if (document.parse(answer)) {
    for (const auto& problem : requests::check_request(document.root()).problems)
      tests::promise(problem.byte < answer.size());
  }
  return 0;
}
