// Strings that name different things are different types: a FileId is not a BatchId.
#pragma once

#include <compare>
#include <string>
#include <utility>

namespace batchwright {

template<class Tag>
class Id {
public:
  Id() = default;
  explicit Id(std::string text) : m_text(std::move(text)) {}

  const std::string& str() const noexcept { return m_text; }
  bool empty() const noexcept { return m_text.empty(); }
  auto operator<=>(const Id&) const = default;

private:
  std::string m_text = {};
};

/// A fresh random identifier (version 4), 36 characters: "5f0e...-....". Every POST carries its own.
std::string make_uuid();

} // namespace batchwright
