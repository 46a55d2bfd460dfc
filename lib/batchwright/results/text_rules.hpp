// What a schema says of strings, checked in time that grows with the string alone: `pattern`, `format`, length.
// Private to results/. RE2 does what std::regex cannot: it neither recurses nor tracks back, whatever the text.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::results {

class TextPattern {
public:
  /// A regular expression as JSON Schema has them (ECMA 262). Throws `Fault::input` where it cannot be read.
  explicit TextPattern(const std::string& pattern);
  TextPattern(TextPattern&&) noexcept;
  ~TextPattern();

  /// Whether it matches anywhere in the text.
  bool matches(std::string_view text) const;

private:
  struct Compiled;
  std::unique_ptr<Compiled> m_compiled;
};

/// Whether a text has a format of JSON Schema ("date", "email"); one of an unknown format has.
bool has_format(std::string_view text, std::string_view format);

/// In code points, as JSON Schema counts.
std::size_t length(std::string_view utf8);

} // namespace batchwright::results
