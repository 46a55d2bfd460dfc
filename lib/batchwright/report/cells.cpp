// Text from elsewhere on a terminal: how many cells it takes, and how it is kept from doing harm.

#include <batchwright/json/json.hpp>
#include <batchwright/report/report.hpp>

#include <Poco/Unicode.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace batchwright::report {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// Blocks whose characters take two cells (East Asian Width W and F, pictographs).
constexpr std::array wide{
    Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x2329, 0x232a},   Range{0x23e9, 0x23ec},
    Range{0x23f0, 0x23f0},   Range{0x23f3, 0x23f3},   Range{0x25fd, 0x25fe},   Range{0x2614, 0x2615},
    Range{0x2648, 0x2653},   Range{0x267f, 0x267f},   Range{0x2693, 0x2693},   Range{0x26a1, 0x26a1},
    Range{0x26aa, 0x26ab},   Range{0x26bd, 0x26be},   Range{0x26c4, 0x26c5},   Range{0x26ce, 0x26ce},
    Range{0x26d4, 0x26d4},   Range{0x26ea, 0x26ea},   Range{0x26f2, 0x26f3},   Range{0x26f5, 0x26f5},
    Range{0x26fa, 0x26fa},   Range{0x26fd, 0x26fd},   Range{0x2705, 0x2705},   Range{0x270a, 0x270b},
    Range{0x2728, 0x2728},   Range{0x274c, 0x274c},   Range{0x274e, 0x274e},   Range{0x2753, 0x2755},
    Range{0x2757, 0x2757},   Range{0x2795, 0x2797},   Range{0x27b0, 0x27b0},   Range{0x27bf, 0x27bf},
    Range{0x2b1b, 0x2b1c},   Range{0x2b50, 0x2b50},   Range{0x2b55, 0x2b55},   Range{0x2e80, 0x303e},
    Range{0x3041, 0xa4cf},   Range{0xa960, 0xa97f},   Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},
    Range{0xfe10, 0xfe19},   Range{0xfe30, 0xfe6f},   Range{0xff01, 0xff60},   Range{0xffe0, 0xffe6},
    Range{0x16fe0, 0x18cff}, Range{0x1b000, 0x1b2ff}, Range{0x1f004, 0x1f004}, Range{0x1f0cf, 0x1f0cf},
    Range{0x1f18e, 0x1f18e}, Range{0x1f191, 0x1f19a}, Range{0x1f200, 0x1f320}, Range{0x1f32d, 0x1f335},
    Range{0x1f337, 0x1f37c}, Range{0x1f37e, 0x1f393}, Range{0x1f3a0, 0x1f3ca}, Range{0x1f3cf, 0x1f3d3},
    Range{0x1f3e0, 0x1f3f0}, Range{0x1f3f4, 0x1f3f4}, Range{0x1f3f8, 0x1f43e}, Range{0x1f440, 0x1f440},
    Range{0x1f442, 0x1f4fc}, Range{0x1f4ff, 0x1f53d}, Range{0x1f54b, 0x1f567}, Range{0x1f5fb, 0x1f64f},
    Range{0x1f680, 0x1f6c5}, Range{0x1f6d0, 0x1f6ff}, Range{0x1f7e0, 0x1f7eb}, Range{0x1f90c, 0x1f9ff},
    Range{0x1fa70, 0x1faff}, Range{0x20000, 0x3fffd},
};

int cells_of(char32_t c)
{
  const auto block = std::lower_bound(wide.begin(), wide.end(), c, [](Range r, char32_t at) { return r.last < at; });
  if (block != wide.end() && c >= block->first) return 2;
  if (c < 0x300) return 1;
  Poco::Unicode::CharacterProperties properties;
  Poco::Unicode::properties(static_cast<int>(c), properties);
  const bool none = properties.type == Poco::Unicode::UCP_NON_SPACING_MARK ||
                    properties.type == Poco::Unicode::UCP_ENCLOSING_MARK ||
                    properties.type == Poco::Unicode::UCP_FORMAT;
  return none ? 0 : 1;
}

/// Takes the first character off a text that is UTF-8.
struct Character {
  char32_t code = 0;
  std::string_view bytes = {};
};

Character take(std::string_view& text)
{
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char32_t code = size == 1 ? lead : lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  const Character taken{code, text.substr(0, size)};
  text.remove_prefix(size);
  return taken;
}

bool is_control(char32_t c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

bool turns_direction(char32_t c)
{
  return c == 0x200e || c == 0x200f || c == 0x61c || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

} // namespace

std::string legible(std::string_view bytes)
{
  std::string out;
  for (;;) {
    const auto good = json::utf8_until(bytes);
    out += bytes.substr(0, good);
    if (good == bytes.size()) return out;
    out += "\xef\xbf\xbd";
    bytes.remove_prefix(good + 1);
  }
}

std::string harmless(std::string_view bytes)
{
  const auto clean = legible(bytes);
  std::string out;
  for (std::string_view rest = clean; !rest.empty();) {
    const auto c = take(rest);
    if (c.code == '\n' || c.code == '\r' || c.code == '\t') {
      out += ' ';
    } else if (is_control(c.code)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(c.code));
    } else if (turns_direction(c.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c.code));
    } else {
      out += c.bytes;
    }
  }
  return out;
}

int width(std::string_view utf8)
{
  const auto clean = legible(utf8);
  int cells = 0;
  for (std::string_view rest = clean; !rest.empty();)
    cells += cells_of(take(rest).code);
  return cells;
}

std::string fitted(std::string_view utf8, int cells)
{
  const auto clean = legible(utf8);
  const int all = width(clean);
  if (all <= cells) return clean + std::string(static_cast<std::size_t>(cells - all), ' ');
  if (cells <= 0) return {};
  std::string out;
  int used = 0;
  for (std::string_view rest = clean; !rest.empty();) {
    const auto c = take(rest);
    if (used + cells_of(c.code) > cells - 1) break;
    used += cells_of(c.code);
    out += c.bytes;
  }
  return out + "…" + std::string(static_cast<std::size_t>(cells - 1 - used), ' '); // half of a wide one is no cell
}

} // namespace batchwright::report
