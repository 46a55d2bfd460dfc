// What a document holds: values found, given out as they stand, and decoded where that is asked for.

#include <batchwright/base/byte_block.hpp>
#include <batchwright/json/escape.hpp>
#include <batchwright/json/json.hpp>

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace batchwright::json {
namespace {

/// Writes a character's bytes; how many these are.
std::size_t put_utf8(char* to, unsigned code)
{
  const auto later = [code](unsigned shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    to[0] = static_cast<char>(code);
    return 1;
  }
  if (code < 0x800) {
    to[0] = static_cast<char>(0xc0 | code >> 6);
    to[1] = later(0);
    return 2;
  }
  if (code < 0x10000) {
    to[0] = static_cast<char>(0xe0 | code >> 12);
    to[1] = later(6);
    to[2] = later(0);
    return 3;
  }
  to[0] = static_cast<char>(0xf0 | code >> 18);
  to[1] = later(12);
  to[2] = later(6);
  to[3] = later(0);
  return 4;
}

/// Copies bytes up to the next backslash; how many. `to` has room for a block beyond what is left.
std::size_t copy_plain(char* to, std::string_view token)
{
  std::size_t at = 0;
  for (; at + ByteBlock::size <= token.size(); at += ByteBlock::size) {
    const auto backslashes = ByteBlock{token.data() + at}.equal('\\');
    std::memcpy(to + at, token.data() + at, ByteBlock::size);
    if (backslashes != 0) return at + static_cast<std::size_t>(std::countr_zero(backslashes));
  }
  for (; at < token.size() && token[at] != '\\'; ++at)
    to[at] = token[at];
  return at;
}

/// Decodes into `out`; false as soon as half a surrogate pair stands alone and `lossy` is false.
bool decode_into(std::string& out, std::string_view token, bool lossy)
{
  const auto begin = out.size();
  out.resize(begin + token.size() + 4); // no escape is shorter than what it stands for, but for one that is cut
  auto* to = out.data() + begin;
  while (!token.empty()) {
    const auto plain = copy_plain(to, token);
    to += plain;
    token.remove_prefix(plain);
    if (token.empty()) break;
    const auto escape = read_escape(token, 0);
    if (escape.is_half() && !lossy) return false;
    to += put_utf8(to, escape.is_half() ? replacement_character : escape.code);
    token.remove_prefix(escape.size);
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return true;
}

/// The element at the place that a word names.
std::optional<Value> element_named(const Value& array, std::string_view word)
{
  std::size_t at = 0;
  const auto [stop, fault] = std::from_chars(word.data(), word.data() + word.size(), at);
  if (fault != std::errc{} || stop != word.data() + word.size()) return std::nullopt;
  const auto elements = array.elements();
  return at < elements.size() ? std::optional{elements[at]} : std::nullopt;
}

std::optional<Value> inside(const Value& value, std::string_view path)
{
  const bool is_array = value.is(Kind::array);
  const auto first_point = path.find('.');
  auto end = is_array ? std::min(first_point, path.size()) : path.size();
  for (;;) {
    const auto word = path.substr(0, end);
    const auto next = is_array ? element_named(value, word) : value.find(word);
    if (next && end == path.size()) return next;
    const auto found = next ? inside(*next, path.substr(end + 1)) : std::nullopt;
    if (found || first_point == std::string_view::npos || end <= first_point) return found;
    end = path.rfind('.', end - 1);
  }
}

} // namespace

std::optional<Value> Value::find(std::string_view key) const
{
  if (!is(Kind::object)) return std::nullopt;
  const auto& nodes = m_document->m_nodes;
  for (auto at = m_node + 1; at < node().after; at = nodes[at + 1].after) {
    const auto& name = nodes[at];
    const auto size = name.end - name.begin - 2;
    if (!name.escaped && size != key.size()) continue;
    const auto token = m_document->m_text.substr(name.begin + 1, size);
    if (name.escaped ? decode(token) == key : token == key) return Value{*m_document, at + 1};
  }
  return std::nullopt;
}

std::optional<Value> Value::along(std::string_view path) const
{
  return path.empty() ? std::optional{*this} : inside(*this, path);
}

std::optional<Value> Value::get(std::string_view key) const
{
  const auto value = find(key);
  return value && !value->is(Kind::null) ? value : std::nullopt;
}

std::vector<Value> Value::elements() const
{
  std::vector<Value> found;
  if (!is(Kind::array)) return found;
  for (auto at = m_node + 1; at < node().after; at = m_document->m_nodes[at].after)
    found.push_back({*m_document, at});
  return found;
}

std::vector<Member> Value::members() const
{
  std::vector<Member> found;
  each_member([&](const Value& key, const Value& value) { found.push_back({key, value}); });
  return found;
}

std::optional<Value> Value::front() const
{
  if (!is(Kind::array) || m_node + 1 >= node().after) return std::nullopt;
  return Value{*m_document, m_node + 1};
}

std::optional<std::string> Value::text() const
{
  if (!is(Kind::string)) return std::nullopt;
  return node().escaped ? decode(token()) : std::string{token()};
}

std::optional<std::int64_t> Value::integer() const
{
  if (!is(Kind::number)) return std::nullopt;
  const auto digits = raw();
  std::int64_t n = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (fault != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return n;
}

std::optional<bool> Value::boolean() const
{
  if (!is(Kind::boolean)) return std::nullopt;
  return raw() == "true";
}

std::optional<std::string> decode(std::string_view token)
{
  std::string out;
  if (!decode_into(out, token, false)) return std::nullopt;
  return out;
}

std::string decode_lossy(std::string_view token)
{
  std::string out;
  decode_into(out, token, true);
  return out;
}

bool is_utf8(std::string_view bytes)
{
  return simdjson::validate_utf8(bytes.data(), bytes.size());
}

std::size_t utf8_until(std::string_view bytes)
{
  // Only on the way to an error: character by character.
  std::size_t good = 0;
  while (good < bytes.size()) {
    std::size_t length = 1;
    while (length <= 4 && good + length <= bytes.size() && !is_utf8(bytes.substr(good, length)))
      ++length;
    if (length > 4 || good + length > bytes.size()) return good;
    good += length;
  }
  return good;
}

} // namespace batchwright::json
