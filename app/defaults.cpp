#include "app/defaults.hpp"

#include <algorithm>
#include <string>

namespace app {
namespace {

namespace bw = batchwright;

void take_default(CLI::Option& option, const bw::config::Value& value)
{
  using bw::Error;
  try {
    option.add_result(value.text);
    option.run_callback(); // checks and converts, as for a word of the command line
  } catch (const CLI::ParseError& error) {
    throw bw::config::blame(Error{bw::Fault::config, error.what()}, value);
  } catch (const Error& error) {
    throw bw::config::blame(Error{bw::Fault::config, error.what(), error.hint()}, value);
  }
}

} // namespace

void take_defaults(CLI::App& command, const bw::config::Settings& settings, const std::vector<std::string>& unsuited)
{
  for (auto* option : command.get_options()) {
    if (option->count() > 0 || option->get_lnames().empty()) continue;
    auto name = option->get_lnames().front();
    std::replace(name.begin(), name.end(), '-', '_');
    if (std::find(unsuited.begin(), unsuited.end(), name) != unsuited.end()) continue;
    if (bw::config::find_setting(name) && settings[name].is_set()) take_default(*option, settings[name]);
  }
}

} // namespace app
