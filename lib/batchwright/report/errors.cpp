// Errors and warnings as people read them.

#include <batchwright/report/grid.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

namespace batchwright::report {
namespace {

/// Where in the user's file it is, unless the message says so itself.
std::string place_of(const Error& error)
{
  const auto& place = error.place();
  if (!place || place->file.empty()) return {};
  if (std::string_view{error.what()}.find(place->file) != std::string_view::npos) return {};
  return place->line > 0 ? fmt::format("{}:{}: ", place->file, place->line) : fmt::format("{}: ", place->file);
}

} // namespace

std::string text(const Error& error, const Style& style)
{
  auto out = fmt::format("{} {}", painted("error:", Tone::trouble, style), harmless(place_of(error) + error.what()));
  if (!error.hint().empty()) out += fmt::format("\n  hint: {}", harmless(error.hint()));
  return out;
}

std::string warning(std::string_view text, const Style& style)
{
  return fmt::format("{} {}", painted("warning:", Tone::moving, style), harmless(text));
}

} // namespace batchwright::report
