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

} // namespace batchwright::emulator
