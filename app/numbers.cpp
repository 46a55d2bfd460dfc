#include "app/numbers.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace app {
namespace {

namespace bw = batchwright;

std::optional<std::uint64_t> number_of(const std::string& text)
{
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, number);
  return fault == std::errc{} && stop == end ? std::optional{number} : std::nullopt;
}

/// "a whole number from 1 to 10,000".
std::string range_of(const WholeNumber& allowed)
{
  if (allowed.most == WholeNumber{}.most)
    return allowed.least == 0 ? std::string{"a whole number"}
                              : fmt::format("a whole number, {} or more", bw::report::count(allowed.least));
  return fmt::format("a whole number from {} to {}", bw::report::count(allowed.least), bw::report::count(allowed.most));
}

} // namespace

CLI::Validator whole_number(const std::string& option, const WholeNumber& allowed)
{
  const auto check = [option, allowed](const std::string& text) {
    const auto number = number_of(text);
    if (number && *number >= allowed.least && *number <= allowed.most) return std::string{};
    const bool is_too_much = number && *number > allowed.most && !allowed.why.empty();
    throw bw::Error{bw::Fault::usage,
                    is_too_much ? fmt::format("{} {}: {}", option, text, allowed.why)
                                : fmt::format("{} {}: expected {}", option, text, range_of(allowed)),
                    allowed.hint};
  };
  return CLI::Validator{check, {}};
}

} // namespace app
