// JSON lines, read and written without changing a byte that is not ours.
//
// In: one line of text. Out: views into it. A line is refused only by grammar: numbers and strings that do not decode
// (21 digits, 1e400, a lone surrogate) are kept as they stand, since prompts and answers must pass exactly. That is why
// this is not simdjson's dom, which refuses those, nor its on-demand form, which overlooks broken text it did not
// visit; simdjson does the UTF-8 check and is the reference in the tests. Never: copies a value without being asked to,
// or re-writes one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::json {

enum class Kind : std::uint8_t {
  null,
  boolean,
  number,
  string,
  array,
  object
};

/// Where and why a text is not JSON.
struct Fault {
  std::size_t byte = 0;  ///< offset from the start of the text
  std::string what = {}; ///< "expected `:` after a key"
};

class Value;
struct Member;

/// One parsed text. Reused from line to line, it allocates only when a line has more values than any before.
class Document {
public:
  /// Checks all of `text` and indexes its values. `text` must outlive the values taken from it.
  /// On a fault the document holds nothing and `fault()` says why. Bad UTF-8 is a fault.
  bool parse(std::string_view text);
  const Fault& fault() const noexcept { return m_fault; }

  /// The top value. REQUIRED: the last parse() succeeded.
  Value root() const;

private:
  friend class Value;
  struct Node {
    std::uint32_t begin = 0; // of the value's text, quotes included
    std::uint32_t end = 0;
    std::uint32_t after = 0; // index of the next node that is not inside this one
    Kind kind = Kind::null;
    bool escaped = false; // a string with a backslash in it
  };

  class Indexer;

  std::string_view m_text = {};
  std::vector<Node> m_nodes = {};
  std::vector<std::uint32_t> m_open = {}; // arrays and objects not yet closed
  Fault m_fault = {};
};

/// A view of one value; cheap to copy, valid until its document parses again.
class Value {
public:
  Kind kind() const;
  bool is(Kind k) const { return kind() == k; }
  /// The value exactly as it stands in the text.
  std::string_view raw() const;

  /// The value of a key, compared after decoding; the first of duplicates. Nothing when absent or not an object.
  std::optional<Value> find(std::string_view key) const;
  /// `find` along a path of keys.
  template<class... Keys>
  std::optional<Value> find(std::string_view key, std::string_view next, Keys... more) const;
  /// The value at the end of a path of keys and places of arrays with points between them: "usage.output_tokens",
  /// "choices.0.text". A key may hold points itself: the longest key that leads on wins. Empty: this value.
  std::optional<Value> along(std::string_view path) const;
  /// As `find`, but a JSON null counts as absent.
  std::optional<Value> get(std::string_view key) const;

  std::vector<Value> elements() const;
  std::vector<Member> members() const;
  /// Calls `take` with the key and the value of each member, without listing them.
  template<class Take>
  void each_member(const Take& take) const;
  /// The first element of an array, without listing the rest.
  std::optional<Value> front() const;

  /// The inside of a string, its escapes as they stand. REQUIRED: a string.
  std::string_view token() const;
  /// The decoded string; nothing for other kinds, or where an escape names half a surrogate pair.
  std::optional<std::string> text() const;
  /// Nothing when it is no whole number or does not fit.
  std::optional<std::int64_t> integer() const;
  std::optional<bool> boolean() const;

private:
  friend class Document;
  Value(const Document& document, std::uint32_t node) : m_document(&document), m_node(node) {}
  const Document::Node& node() const { return m_document->m_nodes[m_node]; }

  const Document* m_document;
  std::uint32_t m_node;
};

struct Member {
  Value key;
  Value value;
};

/// The decoded form of a string's inside; nothing where an escape names half a surrogate pair.
/// REQUIRED: `token` came from a document, so its escapes are well formed.
std::optional<std::string> decode(std::string_view token);

/// As `decode`, but half a surrogate pair becomes U+FFFD: for people's eyes and for CSV, never for the wire.
std::string decode_lossy(std::string_view token);

/// Appends the inside of a JSON string: `"`, `\` and control characters escaped, all else raw UTF-8.
void append_escaped(std::string& out, std::string_view utf8);

/// Appends a whole JSON string, quotes included.
void append_string(std::string& out, std::string_view utf8);

/// Whether the bytes are UTF-8, as JSON asks.
bool is_utf8(std::string_view bytes);

/// The offset of the first byte that is not UTF-8; the size where all is well.
std::size_t utf8_until(std::string_view bytes);

/// Takes out, in place, the white space between values, so that a line holds the text; what stands in strings, and
/// every number, stays as it is. REQUIRED: the text is JSON.
void minify(std::string& json);

/// Writes compact JSON into a string: keeps the commas, nothing else.
class Writer {
public:
  explicit Writer(std::string& out) : m_out(out) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name);
  Writer& string(std::string_view utf8);
  Writer& integer(std::int64_t n);
  Writer& boolean(bool b);
  Writer& null() { return raw("null"); }
  /// JSON text as it stands.
  Writer& raw(std::string_view json);

  /// A member whose value is null when there is none.
  Writer& member(std::string_view name, std::string_view utf8) { return key(name).string(utf8); }
  Writer& member(std::string_view name, const char* utf8) { return key(name).string(utf8); }
  Writer& member(std::string_view name, const std::string& utf8) { return key(name).string(utf8); }
  Writer& member(std::string_view name, std::int64_t n) { return key(name).integer(n); }
  Writer& member(std::string_view name, const std::optional<std::string>& utf8);
  Writer& flag(std::string_view name, bool b) { return key(name).boolean(b); }

private:
  Writer& open(char bracket);
  Writer& close(char bracket);
  void separate();

  std::string& m_out;
  bool m_comma = false; // whether a value stands before this place on its level
};

// ---------------------------------------------------------------------------------------------------------------------

inline Value Document::root() const
{
  return {*this, 0};
}

inline Kind Value::kind() const
{
  return node().kind;
}

inline std::string_view Value::raw() const
{
  return m_document->m_text.substr(node().begin, node().end - node().begin);
}

inline std::string_view Value::token() const
{
  return m_document->m_text.substr(node().begin + 1, node().end - node().begin - 2);
}

template<class Take>
void Value::each_member(const Take& take) const
{
  if (!is(Kind::object)) return;
  const auto& nodes = m_document->m_nodes;
  for (auto at = m_node + 1; at < node().after; at = nodes[at + 1].after)
    take(Value{*m_document, at}, Value{*m_document, at + 1});
}

template<class... Keys>
std::optional<Value> Value::find(std::string_view key, std::string_view next, Keys... more) const
{
  const auto child = find(key);
  return child ? child->find(next, more...) : std::nullopt;
}

} // namespace batchwright::json
