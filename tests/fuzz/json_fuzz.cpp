// Any line as JSON: what is accepted is UTF-8 and, parsed again from its own text, the same; every text decodes.

#include "tests/fuzz/entry.hpp"

#include <batchwright/json/json.hpp>

using namespace batchwright;

namespace {

void visit(const json::Value& value)
{
  if (value.is(json::Kind::string)) tests::promise(json::is_utf8(json::decode_lossy(value.token())));
  static_cast<void>(value.integer());
  for (const auto& element : value.elements())
    visit(element);
  for (const auto& member : value.members())
    visit(member.value);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  json::Document document;
  if (!document.parse(tests::text_of(data, size))) {
    tests::promise(document.fault().byte <= size);
    return 0;
  }
  visit(document.root());
  json::Document again;
  tests::promise(again.parse(document.root().raw()));
  return 0;
}
