// Money as digits, the same in every JSON object and table: exact, by integer arithmetic.
#pragma once

#include <batchwright/model/money.hpp>

#include <string>

namespace batchwright {

/// US dollars as a JSON number without exponent or trailing zeros: "0.00000135", "12.5", "0", "-0.25".
std::string exact_usd(PicoUsd money);

} // namespace batchwright
