// Why a real-time call is answered 429 though no rule of the faults says so: a word that the limiter, the real-time
// route and the ledger share.
#pragma once

#include <cstdint>

namespace batchwright::emulator {

enum class Refusal : std::uint8_t {
  requests,  ///< beyond the requests a minute
  tokens,    ///< beyond the tokens a minute, of the model or of the project
  too_large, ///< asks for more than the limit itself: never runs
  flex,      ///< no resources for the flex tier
};

} // namespace batchwright::emulator
