#include <batchwright/config/environment.hpp>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace batchwright::config {

std::string trimmed(std::string text)
{
  constexpr std::string_view space = " \t\r\n";
  text.erase(text.find_last_not_of(space) + 1);
  text.erase(0, std::min(text.find_first_not_of(space), text.size()));
  return text;
}

Variables process_variables()
{
  return [](const char* name) {
    const char* value = std::getenv(name);
    return std::string{value ? value : ""};
  };
}

} // namespace batchwright::config
