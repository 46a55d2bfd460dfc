// Any line of an output file: it is judged, what is salvaged of a broken one is UTF-8, and an id that names items names
// them in one spelling.

#include "tests/fuzz/entry.hpp"

#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/wire/answer.hpp>

using namespace batchwright;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const auto line = tests::text_of(data, size);
  if (const auto id = wire::salvage_custom_id(line)) tests::promise(json::is_utf8(*id));
  json::Document document;
  if (!document.parse(line)) return 0;
  const auto answer = wire::read_answer(document.root(), "/v1/chat/completions");
  tests::promise(answer.code.empty() == (answer.judgement == Judgement::success));
  tests::promise(json::is_utf8(answer.message));
  if (const auto pack = pack_of(answer.custom_id)) tests::promise(pack_custom_id(*pack) == answer.custom_id);
  json::Document output;
  tests::promise(output.parse(answer.output()));
  return 0;
}
