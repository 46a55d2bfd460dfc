#include <batchwright/workspace/own_prices.hpp>

#include <system_error>

namespace batchwright {

std::filesystem::path own_prices(const config::Settings& settings)
{
  const auto& named = settings["prices"];
  if (named.is_set()) return named.text;
  if (settings.file.empty()) return {};
  std::error_code ignored;
  auto beside = settings.file.parent_path() / "prices.json";
  return std::filesystem::exists(beside, ignored) ? beside : std::filesystem::path{};
}

} // namespace batchwright
