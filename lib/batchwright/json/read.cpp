// The scanner: one pass over the text, a node for each value, no recursion, so depth costs memory and never a crash.

#include <batchwright/json/json.hpp>
#include <batchwright/json/plain.hpp>

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <limits>

namespace batchwright::json {
namespace {

bool is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

bool is_hex(char c)
{
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// The end of a number that begins at `at`, or `at` where there is none by JSON's grammar.
std::size_t skip_number(std::string_view s, std::size_t at)
{
  const auto begin = at;
  const auto digits = [&] {
    const auto first = at;
    while (at < s.size() && is_digit(s[at]))
      ++at;
    return at > first;
  };
  if (at < s.size() && s[at] == '-') ++at;
  if (at < s.size() && s[at] == '0') {
    ++at;
  } else if (!digits()) {
    return begin;
  }
  if (at < s.size() && s[at] == '.') {
    ++at;
    if (!digits()) return begin;
  }
  if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
    ++at;
    if (at < s.size() && (s[at] == '+' || s[at] == '-')) ++at;
    if (!digits()) return begin;
  }
  return at;
}

unsigned hex4(std::string_view s, std::size_t at)
{
  unsigned code = 0;
  std::from_chars(s.data() + at, s.data() + at + 4, code, 16);
  return code;
}

void append_utf8(std::string& out, unsigned code)
{
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

bool is_high_surrogate(unsigned code)
{
  return code >= 0xd800 && code <= 0xdbff;
}

bool is_low_surrogate(unsigned code)
{
  return code >= 0xdc00 && code <= 0xdfff;
}

/// Decodes into `out`; false as soon as half a surrogate pair stands alone and `lossy` is false.
bool decode_into(std::string& out, std::string_view token, bool lossy)
{
  constexpr unsigned replacement = 0xfffd;
  out.reserve(out.size() + token.size());
  for (std::size_t at = 0; at < token.size();) {
    const auto backslash = token.find('\\', at);
    out.append(token.substr(at, backslash - at));
    if (backslash == std::string_view::npos) break;
    const char c = token[backslash + 1];
    at = backslash + 2;
    switch (c) {
    case 'b':
      out += '\b';
      break;
    case 'f':
      out += '\f';
      break;
    case 'n':
      out += '\n';
      break;
    case 'r':
      out += '\r';
      break;
    case 't':
      out += '\t';
      break;
    case 'u': {
      unsigned code = hex4(token, at);
      at += 4;
      if (is_high_surrogate(code) && token.substr(at).starts_with("\\u") && is_low_surrogate(hex4(token, at + 2))) {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(token, at + 2) - 0xdc00);
        at += 6;
      } else if (is_high_surrogate(code) || is_low_surrogate(code)) {
        if (!lossy) return false;
        code = replacement;
      }
      append_utf8(out, code);
      break;
    }
    default:
      out += c; // `"`, `\` and `/` stand for themselves
    }
  }
  return true;
}

} // namespace

bool Document::refuse(std::size_t byte, std::string what)
{
  m_nodes.clear();
  m_fault = {byte, std::move(what)};
  return false;
}

bool Document::parse(std::string_view text)
{
  m_text = text;
  m_nodes.clear();
  m_open.clear();
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) return refuse(0, "a line of 4 GiB or more");
  if (!is_utf8(text)) return refuse(utf8_until(text), "bytes that are not UTF-8");
  return index();
}

bool Document::index()
{
  const std::string_view s = m_text;
  std::size_t at = 0;
  enum class Want {
    value,
    first_key,
    key,
    comma,
    first_element,
    end
  } want = Want::value;
  const auto here = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
  const auto after_value = [&] { return m_open.empty() ? Want::end : Want::comma; };

  for (;;) {
    while (at < s.size() && is_space(s[at]))
      ++at;
    if (at == s.size()) {
      if (want == Want::end) return true;
      return refuse(at, m_nodes.empty() ? "an empty text" : "the text ends too early");
    }
    const char c = s[at];

    if (want == Want::end) return refuse(at, "more text after the value");

    if (want == Want::comma || ((want == Want::first_key || want == Want::first_element) && (c == '}' || c == ']'))) {
      auto& open = m_nodes[m_open.back()];
      const char closing = open.kind == Kind::object ? '}' : ']';
      if (c == closing) {
        open.end = here(++at);
        open.after = here(m_nodes.size());
        m_open.pop_back();
        want = after_value();
      } else if (c == ',' && want == Want::comma) {
        ++at;
        want = open.kind == Kind::object ? Want::key : Want::value;
      } else {
        return refuse(at, fmt::format("expected `,` or `{}`", closing));
      }
      continue;
    }

    const bool is_key = want == Want::key || want == Want::first_key;
    if (is_key && c != '"') return refuse(at, "expected a key in quotes");

    if (c == '"') {
      Node node{here(at), 0, here(m_nodes.size() + 1), Kind::string, false};
      for (++at;;) {
        at = skip_plain(s, at);
        if (at >= s.size()) return refuse(node.begin, "a string that does not end");
        if (s[at] == '"') break;
        if (s[at] != '\\') return refuse(at, "a control character inside a string");
        node.escaped = true;
        const char e = at + 1 < s.size() ? s[at + 1] : '\0';
        if (e == 'u') {
          for (std::size_t i = 2; i < 6; ++i) {
            if (at + i >= s.size() || !is_hex(s[at + i])) return refuse(at, "an escape that is none");
          }
          at += 6;
        } else if (e != '\0' && std::strchr("\"\\/bfnrt", e)) {
          at += 2;
        } else {
          return refuse(at, "an escape that is none");
        }
      }
      node.end = here(++at);
      m_nodes.push_back(node);
      if (is_key) {
        while (at < s.size() && is_space(s[at]))
          ++at;
        if (at == s.size() || s[at] != ':') return refuse(at, "expected `:` after a key");
        ++at;
        want = Want::value;
      } else {
        want = after_value();
      }
      continue;
    }

    if (c == '{' || c == '[') {
      m_open.push_back(here(m_nodes.size()));
      m_nodes.push_back({here(at), 0, 0, c == '{' ? Kind::object : Kind::array, false});
      ++at;
      want = c == '{' ? Want::first_key : Want::first_element;
      continue;
    }

    Node node{here(at), 0, here(m_nodes.size() + 1), Kind::null, false};
    const auto rest = s.substr(at);
    if (rest.starts_with("true")) {
      node.kind = Kind::boolean;
      at += 4;
    } else if (rest.starts_with("false")) {
      node.kind = Kind::boolean;
      at += 5;
    } else if (rest.starts_with("null")) {
      at += 4;
    } else {
      node.kind = Kind::number;
      at = skip_number(s, at);
      if (at == node.begin) return refuse(at, "expected a value");
    }
    if (at < s.size() && !is_space(s[at]) && s[at] != ',' && s[at] != '}' && s[at] != ']') {
      return refuse(at, "expected a value to end here");
    }
    node.end = here(at);
    m_nodes.push_back(node);
    want = after_value();
  }
}

Value Document::root() const
{
  return {*this, 0};
}

Kind Value::kind() const
{
  return node().kind;
}

std::string_view Value::raw() const
{
  return m_document->m_text.substr(node().begin, node().end - node().begin);
}

std::optional<Value> Value::find(std::string_view key) const
{
  if (!is(Kind::object)) return std::nullopt;
  const auto& nodes = m_document->m_nodes;
  for (auto at = m_node + 1; at < node().after; at = nodes[at + 1].after) {
    const Value name{*m_document, at};
    if (nodes[at].escaped ? decode(name.token()) == key : name.token() == key) return Value{*m_document, at + 1};
  }
  return std::nullopt;
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
  if (!is(Kind::object)) return found;
  for (auto at = m_node + 1; at < node().after; at = m_document->m_nodes[at + 1].after) {
    found.push_back({{*m_document, at}, {*m_document, at + 1}});
  }
  return found;
}

std::optional<Value> Value::front() const
{
  if (!is(Kind::array) || m_node + 1 >= node().after) return std::nullopt;
  return Value{*m_document, m_node + 1};
}

std::string_view Value::token() const
{
  const auto quoted = raw();
  return quoted.substr(1, quoted.size() - 2);
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
