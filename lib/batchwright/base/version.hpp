// The version of this build, as `batchwright --version` prints it.
#pragma once

#include <string_view>

namespace batchwright {

std::string_view version();

} // namespace batchwright
