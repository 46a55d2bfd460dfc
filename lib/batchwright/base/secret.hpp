// A key that cannot be printed by accident: no formatter, no stream, no comparison; one word to take it out.
#pragma once

#include <string>
#include <utility>

namespace batchwright {

class Secret {
public:
  Secret() = default;
  explicit Secret(std::string text) : m_text(std::move(text)) {}

  bool empty() const noexcept { return m_text.empty(); }
  /// The key itself; only http/ may ask, to put it into a header.
  const std::string& reveal() const noexcept { return m_text; }

private:
  std::string m_text = {};
};

} // namespace batchwright
