// What happens to one request, and the shares of the faults that decide it.
#pragma once

#include <batchwright/emulator/faults.hpp>

#include <span>
#include <string_view>

namespace batchwright::emulator {

/// A share of requests and what they meet; `key` is its name in the faults file.
struct Share {
  std::string_view key = {};
  double Faults::*share = nullptr;
  Fate fate = Fate::fine;
};

/// In the order in which they divide the line from 0 to 1.
std::span<const Share> shares();

} // namespace batchwright::emulator
