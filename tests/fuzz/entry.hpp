// What each fuzz entry gives: one function that takes any bytes and must neither crash nor break the promise it checks.
// Under clang's libFuzzer it is fed without end (scripts/fuzz); everywhere else `replay.cpp` feeds it the seeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tests {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size)
{
  return {reinterpret_cast<const char*>(data), size};
}

/// A broken promise ends the process, so that the fuzzer keeps the input.
inline void promise(bool kept)
{
  if (!kept) std::abort();
}

} // namespace tests
