#include <batchwright/json/json.hpp>
#include <batchwright/json/plain.hpp>

#include <fmt/format.h>

namespace batchwright::json {

void append_escaped(std::string& out, std::string_view utf8)
{
  constexpr std::string_view hex = "0123456789abcdef";
  std::size_t plain = 0;
  for (auto at = skip_plain(utf8, 0); at < utf8.size(); at = skip_plain(utf8, at + 1)) {
    const auto c = static_cast<unsigned char>(utf8[at]);
    out.append(utf8.substr(plain, at - plain));
    plain = at + 1;
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    default:
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15];
    }
  }
  out.append(utf8.substr(plain));
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
