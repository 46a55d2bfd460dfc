#include <batchwright/results/answer_tree.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::results {

std::optional<std::string> AnswerTree::read(std::string_view text)
{
  m_nodes.clear();
  if (!m_document.parse(text)) {
    const auto& fault = m_document.fault();
    return fmt::format("not JSON: {} at byte {}", fault.what, fault.byte);
  }
  m_nodes.push_back({m_document.root()});
  for (std::uint32_t n = 0; n < m_nodes.size(); ++n) {
    if (m_nodes[n].value.is(json::Kind::string)) m_nodes[n].text = decoded(m_nodes[n].value);
    if (auto fault = add_parts(n)) return fault;
  }
  return std::nullopt;
}

std::optional<std::string> AnswerTree::add_parts(std::uint32_t whole)
{
  const auto value = m_nodes[whole].value;
  if (!value.front() && !value.is(json::Kind::object)) return std::nullopt;
  if (m_nodes[whole].depth == deepest_value) return fmt::format("nested deeper than {} levels", deepest_value);
  m_nodes[whole].first = static_cast<std::uint32_t>(m_nodes.size());
  const auto depth = m_nodes[whole].depth + 1;
  for (const auto& element : value.elements())
    m_nodes.push_back({.value = element, .depth = depth});
  for (const auto& member : value.members())
    m_nodes.push_back({.value = member.value, .key = decoded(member.key), .depth = depth});
  m_nodes[whole].count = static_cast<std::uint32_t>(m_nodes.size()) - m_nodes[whole].first;
  return value.is(json::Kind::object) ? sort_members(whole) : std::nullopt;
}

std::optional<std::string> AnswerTree::sort_members(std::uint32_t object)
{
  const auto begin = m_nodes.begin() + m_nodes[object].first;
  std::sort(begin, m_nodes.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  const auto twice =
      std::adjacent_find(begin, m_nodes.end(), [](const auto& a, const auto& b) { return a.key == b.key; });
  if (twice == m_nodes.end()) return std::nullopt;
  return at_pointer("", fmt::format("an object has the key `{}` twice", twice->key));
}

std::optional<std::uint32_t> AnswerTree::find(std::uint32_t object, std::string_view key) const
{
  const auto begin = m_nodes.begin() + m_nodes[object].first;
  const auto end = begin + m_nodes[object].count;
  const auto at = std::lower_bound(begin, end, key, [](const auto& node, auto k) { return node.key < k; });
  if (at == end || at->key != key) return std::nullopt;
  return static_cast<std::uint32_t>(at - m_nodes.begin());
}

/// Strings without escapes, nearly all, are views into the text.
std::string_view AnswerTree::decoded(const json::Value& string)
{
  const auto token = string.token();
  if (token.find('\\') == std::string_view::npos) return token;
  return m_decoded.emplace_back(json::decode_lossy(token));
}

std::string at_pointer(std::string_view pointer, std::string_view what)
{
  constexpr std::size_t longest = 400;
  auto text = pointer.empty() ? std::string{what} : fmt::format("{}: {}", pointer, what);
  if (text.size() <= longest) return text;
  auto end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) // not inside a character
    --end;
  return text.substr(0, end) + "...";
}

} // namespace batchwright::results
