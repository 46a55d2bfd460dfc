#include <batchwright/wire/schema_graph.hpp>

#include <algorithm>
#include <charconv>

namespace batchwright::wire {
namespace {

std::string percent_decoded(std::string_view text)
{
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned char byte = 0;
    const auto* digits = text.data() + at + 1;
    const bool escape =
        text[at] == '%' && at + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    out += escape ? static_cast<char>(byte) : text[at];
    if (escape) at += 2;
  }
  return out;
}

std::string name_of_token(std::string_view token)
{
  std::string out;
  for (std::size_t at = 0; at < token.size(); ++at) {
    const auto pair = token.substr(at, 2);
    const bool escape = pair == "~0" || pair == "~1";
    out += pair == "~0" ? '~' : pair == "~1" ? '/' : token[at];
    if (escape) ++at;
  }
  return out;
}

std::optional<json::Value> part_named(const json::Value& whole, const std::string& name)
{
  if (!whole.is(json::Kind::array)) return whole.find(name);
  std::size_t index = 0;
  const auto* last = name.data() + name.size();
  const auto [end, fault] = std::from_chars(name.data(), last, index);
  const auto elements = whole.elements();
  if (fault != std::errc{} || end != last || index >= elements.size()) return std::nullopt;
  return elements[index];
}

} // namespace

std::string pointer_token(std::string_view name)
{
  std::string out;
  for (const char c : name)
    out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

std::size_t SchemaGraph::add(const json::Value& schema, std::string pointer, int level)
{
  const auto [place, fresh] = m_numbers.try_emplace(schema.raw().data(), m_places.size());
  if (!fresh) return place->second;
  m_places.push_back({schema, std::move(pointer), level});
  m_edges.emplace_back();
  m_optional_parts.push_back(false);
  return m_places.size() - 1;
}

void SchemaGraph::allow(std::size_t n, const std::vector<std::string>& types)
{
  m_optional_parts[n] =
      std::any_of(types.begin(), types.end(), [](const auto& type) { return type != "object" && type != "array"; });
}

std::optional<std::size_t> SchemaGraph::find(const json::Value& root, std::string_view ref) const
{
  if (!ref.starts_with('#')) return std::nullopt;
  const auto pointer = percent_decoded(ref.substr(1));
  if (!pointer.empty() && pointer.front() != '/') return std::nullopt;
  std::optional at{root};
  for (std::size_t slash = 0; at && slash < pointer.size();) {
    const auto end = std::min(pointer.find('/', slash + 1), pointer.size());
    at = part_named(*at, name_of_token(std::string_view{pointer}.substr(slash + 1, end - slash - 1)));
    slash = end;
  }
  if (!at) return std::nullopt;
  const auto known = m_numbers.find(at->raw().data());
  return known == m_numbers.end() ? std::nullopt : std::optional{known->second};
}

std::optional<std::size_t> SchemaGraph::circle() const
{
  // Schemas are taken away from which only such lead on that were taken away; what is left runs in circles.
  std::vector<std::vector<std::size_t>> back(size());
  std::vector<std::size_t> ahead(size());
  std::vector<std::size_t> free;
  for (std::size_t n = 0; n < size(); ++n) {
    for (const auto& edge : m_edges[n]) {
      if (edge.kind != SchemaEdge::same) continue;
      back[edge.to].push_back(n);
      ++ahead[n];
    }
    if (ahead[n] == 0) free.push_back(n);
  }
  while (!free.empty()) {
    const auto gone = free.back();
    free.pop_back();
    for (const auto n : back[gone])
      if (--ahead[n] == 0) free.push_back(n);
  }
  const auto left = std::find_if(ahead.begin(), ahead.end(), [](auto count) { return count > 0; });
  return left == ahead.end() ? std::nullopt : std::optional{static_cast<std::size_t>(left - ahead.begin())};
}

bool SchemaGraph::can_end() const
{
  std::vector<bool> known(size());
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t n = size(); n-- > 0;) {
      if (known[n] || !ends(n, known)) continue;
      known[n] = changed = true;
    }
  }
  return known.front();
}

/// Whether a finite document satisfies a schema, from the schemas of which that is known.
bool SchemaGraph::ends(std::size_t n, const std::vector<bool>& known) const
{
  bool any_same = false;
  bool one_ends = false;
  bool parts_end = true;
  for (const auto& edge : m_edges[n]) {
    if (edge.kind == SchemaEdge::same) any_same = true;
    if (edge.kind == SchemaEdge::same && known[edge.to]) one_ends = true;
    if (edge.kind == SchemaEdge::property && !known[edge.to]) parts_end = false;
    if (edge.kind == SchemaEdge::item && !known[edge.to]) {
      const auto least = m_places[n].schema.find("minItems");
      if (least && least->integer().value_or(0) > 0) parts_end = false;
    }
  }
  return (one_ends || !any_same) && (parts_end || m_optional_parts[n]);
}

} // namespace batchwright::wire
