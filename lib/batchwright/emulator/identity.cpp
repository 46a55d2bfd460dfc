#include <batchwright/base/sha256.hpp>
#include <batchwright/emulator/identity.hpp>

namespace batchwright::emulator {
namespace {

constexpr const char* tier = "service_tier";

void update_without_tier(Sha256& sha, const json::Value& body)
{
  std::string_view before = "{";
  for (const auto& [key, value] : body.members()) {
    if (key.text() == tier) continue;
    for (const auto part : {before, key.raw(), std::string_view{":"}, value.raw()})
      sha.update(part);
    before = ",";
  }
  sha.update(before == "{" ? "{}" : "}");
}

} // namespace

std::string body_sha256(const json::Value& body)
{
  Sha256 sha;
  if (body.find(tier))
    update_without_tier(sha, body);
  else
    sha.update(body.raw());
  return sha.hex();
}

std::string id_text(const json::Value& custom_id)
{
  auto text = custom_id.text();
  return text ? std::move(*text) : "\xff" + std::string{custom_id.token()};
}

std::string input_text(const json::Value& input)
{
  return input.is(json::Kind::string) ? id_text(input) : std::string{input.raw()};
}

std::string input_sha256(std::string_view path, std::string_view model, const json::Value& input)
{
  Sha256 sha;
  for (const auto part : {path, std::string_view{"\n"}, model, std::string_view{"\n"}})
    sha.update(part);
  sha.update(input_text(input));
  return sha.hex();
}

} // namespace batchwright::emulator
