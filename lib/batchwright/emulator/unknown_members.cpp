#include <batchwright/base/error.hpp>
#include <batchwright/emulator/unknown_members.hpp>
#include <batchwright/json/json.hpp>

namespace batchwright::emulator {
namespace {

/// Recursive: only what the server itself wrote comes here, a few levels deep.
void copy(json::Writer& w, const json::Value& value)
{
  if (value.is(json::Kind::object)) {
    w.begin_object();
    for (const auto& [key, member] : value.members()) {
      const auto name = json::decode_lossy(key.token());
      w.key(name);
      if (name == "metadata")
        w.raw(member.raw());
      else
        copy(w, member);
    }
    w.key("x_unknown").raw(R"({"nested":[1,"two"]})").end_object();
  } else if (value.is(json::Kind::array)) {
    w.begin_array();
    for (const auto& element : value.elements())
      copy(w, element);
    w.end_array();
  } else {
    w.raw(value.raw());
  }
}

} // namespace

std::string with_unknown_members(std::string_view json)
{
  json::Document document;
  ensure(document.parse(json), "the server writes JSON");
  std::string out;
  json::Writer w{out};
  copy(w, document.root());
  return out;
}

} // namespace batchwright::emulator
