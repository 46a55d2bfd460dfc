// What the bytes of a text are, 64 at a time, for counting its tokens. Private to money/.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace batchwright::money {

inline constexpr std::size_t block_size = 64;

/// What bytes are. ASCII that is not listed here is punctuation.
enum class Class : std::uint8_t {
  small,
  capital,
  digit,
  space,
  line_end,
  latin_of_two,   ///< the first byte of an accented letter of two bytes
  latin_of_three, ///< the first byte of a Vietnamese letter; of some other scripts, too
  elsewhere,      ///< the first byte of a letter of another alphabet, two bytes
};
inline constexpr std::size_t classes = 8;

/// What 64 bytes are: of each class a mask, of which bit i is byte i.
struct Sorted {
  std::uint64_t& operator[](Class kind) { return of_class[static_cast<std::size_t>(kind)]; }
  std::uint64_t operator[](Class kind) const { return of_class[static_cast<std::size_t>(kind)]; }

  std::array<std::uint64_t, classes> of_class = {};
  std::uint64_t high = 0;      ///< outside ASCII
  std::uint64_t same = 0;      ///< as the byte before
  std::int64_t characters = 0; ///< what those outside ASCII weigh by themselves, in 1/100 of a token
};

} // namespace batchwright::money
