#include <batchwright/json/json.hpp>
#include <batchwright/json/plain.hpp>

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace batchwright::json {
namespace {

/// What stands for a character in a string.
struct Spelling {
  std::array<char, 8> text = {}; // as much as is copied at once
  std::size_t size = 0;
};

constexpr auto spellings = [] {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::string_view named = "\"\"\\\\\nn\rr\tt\bb\ff"; // a character, and what stands behind the backslash
  std::array<Spelling, 128> all{};
  for (std::size_t c = 0; c < 0x20; ++c)
    all[c] = {{'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6};
  for (std::size_t i = 0; i < named.size(); i += 2)
    all[static_cast<unsigned char>(named[i])] = {{'\\', named[i + 1]}, 2};
  return all;
}();

/// Escapes a text by way of a small buffer: texts like code have something to escape every few bytes.
class Escaper {
public:
  explicit Escaper(std::string& out) : m_out(out) {}
  Escaper(const Escaper&) = delete;
  Escaper& operator=(const Escaper&) = delete;
  ~Escaper() { flush(); }

  void add(std::string_view utf8)
  {
    std::size_t at = 0;
    while (at + plain_block <= utf8.size()) {
      const auto n = plain_in_block(utf8.data() + at);
      make_room();
      std::memcpy(m_to, utf8.data() + at, plain_block);
      m_to += n;
      at += n;
      if (n < plain_block) add_special(utf8[at++]);
    }
    for (; at < utf8.size(); ++at) {
      make_room();
      if (stops_plain_text(utf8[at])) {
        add_special(utf8[at]);
      } else {
        *m_to++ = utf8[at];
      }
    }
  }

private:
  void make_room()
  {
    if (m_to > m_buffer.data() + m_buffer.size() - plain_block - sizeof(Spelling::text)) flush();
  }

  void add_special(char c)
  {
    const auto& spelling = spellings[static_cast<unsigned char>(c)];
    std::memcpy(m_to, spelling.text.data(), spelling.text.size());
    m_to += spelling.size;
  }

  void flush()
  {
    m_out.append(m_buffer.data(), static_cast<std::size_t>(m_to - m_buffer.data()));
    m_to = m_buffer.data();
  }

  std::string& m_out;
  std::array<char, 1024> m_buffer; // not set: only what was written is read
  char* m_to = m_buffer.data();
};

} // namespace

void append_escaped(std::string& out, std::string_view utf8)
{
  const auto plain = skip_plain(utf8, 0);
  out.append(utf8.substr(0, plain));
  if (plain < utf8.size()) Escaper{out}.add(utf8.substr(plain));
}

void append_string(std::string& out, std::string_view utf8)
{
  out += '"';
  append_escaped(out, utf8);
  out += '"';
}

void Writer::separate()
{
  if (m_comma) m_out += ',';
  m_comma = true;
}

Writer& Writer::open(char bracket)
{
  separate();
  m_out += bracket;
  m_comma = false;
  return *this;
}

Writer& Writer::close(char bracket)
{
  m_out += bracket;
  m_comma = true;
  return *this;
}

Writer& Writer::key(std::string_view name)
{
  separate();
  append_string(m_out, name);
  m_out += ':';
  m_comma = false;
  return *this;
}

Writer& Writer::string(std::string_view utf8)
{
  separate();
  append_string(m_out, utf8);
  return *this;
}

Writer& Writer::integer(std::int64_t n)
{
  separate();
  fmt::format_to(std::back_inserter(m_out), "{}", n);
  return *this;
}

Writer& Writer::boolean(bool b)
{
  return raw(b ? "true" : "false");
}

Writer& Writer::raw(std::string_view json)
{
  separate();
  m_out.append(json);
  return *this;
}

Writer& Writer::member(std::string_view name, const std::optional<std::string>& utf8)
{
  key(name);
  return utf8 ? string(*utf8) : null();
}

} // namespace batchwright::json
