// Members that no client knows, put into every object of an answer: the API adds fields without notice.
#pragma once

#include <string>
#include <string_view>

namespace batchwright::emulator {

/// The same JSON with a member `x_unknown` at the end of each object, but for `metadata` and what is in it: that is the
/// user's own and must come back as it was given. REQUIRED: JSON.
std::string with_unknown_members(std::string_view json);

} // namespace batchwright::emulator
