// The two small hash functions of the emulator, written out so that a test can recompute what they decide.
#pragma once

#include <cstdint>
#include <string_view>

namespace batchwright::emulator {

/// FNV-1a, 64 bits.
constexpr std::uint64_t fnv1a(std::string_view bytes, std::uint64_t basis = 0xcbf29ce484222325U)
{
  for (const char c : bytes) {
    basis ^= static_cast<unsigned char>(c);
    basis *= 0x100000001b3U;
  }
  return basis;
}

/// The finaliser of splitmix64: FNV alone barely moves the high bits of short, similar texts.
constexpr std::uint64_t mixed(std::uint64_t x)
{
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

} // namespace batchwright::emulator
