// The scanner: one pass over the text, a node for each value, no recursion, so depth costs memory and never a crash.

#include <batchwright/json/json.hpp>
#include <batchwright/json/plain.hpp>

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

} // namespace

/// Each step begins at a place in the text and gives the place behind what it read, or `nowhere` where the text is
/// refused. Places go by value, as a member they would be stored at every step; and the steps are inline: together they
/// are the one loop in which every byte of every line is looked at.
class Document::Indexer {
public:
  explicit Indexer(Document& document)
      : m_doc(document), m_nodes(document.m_nodes), m_open(document.m_open), m_text(document.m_text)
  {
  }

  bool run();
  bool refuse(std::size_t at, std::string_view what);

private:
  static constexpr std::size_t nowhere = std::string_view::npos;

  enum class Want {
    value,
    first_key, // or the end of the object
    key,
    comma,         // or the end of what is open
    first_element, // or the end of the array
    end
  };

  std::size_t fail(std::size_t at, std::string_view what);
  std::size_t step(std::size_t at);
  std::size_t comma(std::size_t at);
  std::size_t key(std::size_t at);
  std::size_t value(std::size_t at);
  std::size_t open(std::size_t at);
  std::size_t string(std::size_t at);
  std::size_t scalar(std::size_t at);

  std::size_t skip_space(std::size_t at) const
  {
    while (at < m_text.size() && is_space(m_text[at]))
      ++at;
    return at;
  }

  void add(std::size_t begin, std::size_t end, Kind kind, bool escaped = false)
  {
    m_nodes.push_back({offset(begin), offset(end), offset(m_nodes.size() + 1), kind, escaped});
  }

  void value_ended() { m_want = m_open.empty() ? Want::end : Want::comma; }
  static std::uint32_t offset(std::size_t n) { return static_cast<std::uint32_t>(n); }

  Document& m_doc;
  std::vector<Node>& m_nodes;
  std::vector<std::uint32_t>& m_open;
  std::string_view m_text;
  Want m_want = Want::value;
};

inline bool Document::Indexer::run()
{
  auto at = skip_space(0);
  while (at < m_text.size()) {
    at = step(at);
    if (at == nowhere) return false;
    at = skip_space(at);
  }
  if (m_want == Want::end) return true;
  return refuse(at, m_nodes.empty() ? "an empty text" : "the text ends too early");
}

[[gnu::cold]] bool Document::Indexer::refuse(std::size_t at, std::string_view what)
{
  m_nodes.clear();
  m_doc.m_fault = {at, std::string{what}};
  return false;
}

[[gnu::cold]] std::size_t Document::Indexer::fail(std::size_t at, std::string_view what)
{
  refuse(at, what);
  return nowhere;
}

inline std::size_t Document::Indexer::step(std::size_t at)
{
  const char c = m_text[at];
  const bool closes = c == '}' || c == ']';
  switch (m_want) {
  case Want::value:
    return value(at);
  case Want::comma:
    return comma(at);
  case Want::key:
    return key(at);
  case Want::first_key:
    return closes ? comma(at) : key(at);
  case Want::first_element:
    return closes ? comma(at) : value(at);
  case Want::end:
    break;
  }
  return fail(at, "more text after the value");
}

/// A comma, or the end of what is open.
inline std::size_t Document::Indexer::comma(std::size_t at)
{
  auto& open = m_nodes[m_open.back()];
  const bool is_object = open.kind == Kind::object;
  const char closing = is_object ? '}' : ']';
  if (m_text[at] == closing) {
    open.end = offset(++at);
    open.after = offset(m_nodes.size());
    m_open.pop_back();
    value_ended();
    return at;
  }
  if (m_text[at] != ',') return fail(at, is_object ? "expected `,` or `}`" : "expected `,` or `]`");
  m_want = is_object ? Want::key : Want::value;
  return at + 1;
}

inline std::size_t Document::Indexer::key(std::size_t at)
{
  if (m_text[at] != '"') return fail(at, "expected a key in quotes");
  at = string(at);
  if (at == nowhere) return nowhere;
  at = skip_space(at);
  if (at == m_text.size() || m_text[at] != ':') return fail(at, "expected `:` after a key");
  at = skip_space(at + 1);
  return at < m_text.size() ? value(at) : fail(at, "the text ends too early");
}

inline std::size_t Document::Indexer::value(std::size_t at)
{
  const char c = m_text[at];
  if (c == '{' || c == '[') return open(at);
  const auto end = c == '"' ? string(at) : scalar(at);
  value_ended();
  return end;
}

inline std::size_t Document::Indexer::open(std::size_t at)
{
  const bool is_object = m_text[at] == '{';
  m_open.push_back(offset(m_nodes.size()));
  add(at, 0, is_object ? Kind::object : Kind::array);
  m_want = is_object ? Want::first_key : Want::first_element;
  return at + 1;
}

inline std::size_t Document::Indexer::string(std::size_t begin)
{
  const auto [at, escaped] = skip_string(m_text, begin + 1);
  if (at == m_text.size()) return fail(begin, "a string that does not end");
  if (m_text[at] != '"')
    return fail(at, m_text[at] == '\\' ? "an escape that is none" : "a control character inside a string");
  add(begin, at + 1, Kind::string, escaped);
  return at + 1;
}

/// A number, `true`, `false` or `null`.
inline std::size_t Document::Indexer::scalar(std::size_t begin)
{
  auto kind = Kind::number; // most are
  auto at = skip_number(m_text, begin);
  if (at == begin) {
    const auto rest = m_text.substr(begin);
    kind = rest.starts_with("null") ? Kind::null : Kind::boolean;
    at += rest.starts_with("true") || kind == Kind::null ? 4 : rest.starts_with("false") ? 5 : 0;
    if (at == begin) return fail(at, "expected a value");
  }
  const char c = at < m_text.size() ? m_text[at] : ' ';
  if (!is_space(c) && c != ',' && c != '}' && c != ']') return fail(at, "expected a value to end here");
  add(begin, at, kind);
  return at;
}

// ---------------------------------------------------------------------------------------------------------------------

bool Document::parse(std::string_view text)
{
  m_text = text;
  m_nodes.clear();
  m_open.clear();
  Indexer indexer{*this};
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) return indexer.refuse(0, "a line of 4 GiB or more");
  if (!is_utf8(text)) return indexer.refuse(utf8_until(text), "bytes that are not UTF-8");
  return indexer.run();
}

} // namespace batchwright::json
