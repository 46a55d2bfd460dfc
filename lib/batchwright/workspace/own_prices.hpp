// Where the user's own prices stand.
#pragma once

#include <batchwright/config/settings.hpp>

#include <filesystem>

namespace batchwright {

/// The file that is named (`prices`), else `prices.json` beside the configuration file where there is one; empty: none.
std::filesystem::path own_prices(const config::Settings& settings);

} // namespace batchwright
