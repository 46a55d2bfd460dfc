#include <batchwright/emulator/service_tier.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace batchwright::emulator {
namespace {

constexpr std::array tiers{"auto", "default", "flex", "scale", "priority", "fast"};
constexpr std::array with_flex{"gpt-5",         "gpt-5-mini",   "gpt-5-nano",   "gpt-5.1",     "gpt-5.2",
                               "gpt-5.4",       "gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.4-pro", "gpt-5.5",
                               "gpt-5.5-pro",   "gpt-6-astra",  "gpt-6-sol",    "gpt-6-luna",  "gpt-6.1-sol",
                               "gpt-6.1-terra", "o3",           "o4-mini"};
constexpr std::string_view family_with_flex = "gpt-5.6";

/// Whether a name is a model's own or that of one of its dated versions, "gpt-5.4-mini-2026-03-17".
bool names(std::string_view name, std::string_view model)
{
  return name == model || (name.starts_with(model) && name.substr(model.size()).starts_with("-20"));
}

bool has_flex(std::string_view name)
{
  return name.starts_with(family_with_flex) ||
         std::any_of(with_flex.begin(), with_flex.end(), [&](std::string_view model) { return names(name, model); });
}

std::string name_in_answers(const std::string& asked)
{
  if (asked == "auto") return "default";
  return asked == "fast" ? "priority" : asked;
}

} // namespace

ServiceTier service_tier_of(const Endpoint& endpoint, const json::Value& body)
{
  const auto given = endpoint.tiers == Endpoint::Tiers::several ? body.get("service_tier") : std::nullopt;
  if (!given) return {};
  const auto asked = given->text();
  if (!asked) return {.fault = wrong_type("service_tier", "a string")};
  if (std::find(tiers.begin(), tiers.end(), *asked) == tiers.end())
    return {.fault = wrong_value("service_tier", *asked, "'auto', 'default', 'flex', 'scale', 'priority', and 'fast'")};
  const auto model = body.find("model") ? body.find("model")->text().value_or("") : "";
  if (*asked == "flex" && !has_flex(model)) {
    return {.fault = ApiError{.message = fmt::format("Invalid service_tier argument: flex is not available for the "
                                                     "model `{}`.",
                                                     model),
                              .words = {.param = "service_tier", .code = "unsupported_value"}}};
  }
  return {.used = name_in_answers(*asked)};
}

} // namespace batchwright::emulator
