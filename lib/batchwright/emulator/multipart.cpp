#include <batchwright/emulator/multipart.hpp>

#include <strings.h>

#include <algorithm>

namespace batchwright::emulator {
namespace {

constexpr std::size_t block_size = 1 << 18;
constexpr std::size_t longest_header = 1 << 16;

bool starts_with_ignoring_case(std::string_view text, std::string_view start)
{
  return text.size() >= start.size() && ::strncasecmp(text.data(), start.data(), start.size()) == 0;
}

/// Takes a value, in quotes or plain, off the front.
std::string take_value(std::string_view& rest)
{
  std::string value;
  if (!rest.starts_with('"')) {
    const auto end = std::min(rest.find_first_of("; \t"), rest.size());
    value = rest.substr(0, end);
    rest.remove_prefix(end);
    return value;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
    value += rest[at];
  }
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return value;
}

/// The value of `key=value` or `key="value"` among the parameters of a header. What stands in quotes is no parameter.
std::optional<std::string> parameter(std::string_view header, std::string_view key)
{
  auto rest = header.substr(std::min(header.find(';'), header.size()));
  while (!rest.empty()) {
    rest.remove_prefix(std::min(rest.find_first_not_of("; \t"), rest.size()));
    const auto end = std::min(rest.find_first_of("=;"), rest.size());
    const auto name = rest.substr(0, end);
    rest.remove_prefix(end);
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    auto value = take_value(rest);
    if (name.size() == key.size() && starts_with_ignoring_case(name, key)) return value;
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> boundary_of(std::string_view content_type)
{
  if (!starts_with_ignoring_case(content_type, "multipart/form-data")) return std::nullopt;
  return parameter(content_type, "boundary");
}

MultipartReader::MultipartReader(std::istream& body, std::string_view boundary) : m_body(body), m_buffer("\r\n")
{
  // The first boundary has no line end before it; the one put into the buffer makes it look like the others.
  m_delimiter = "\r\n--";
  m_delimiter += boundary;
}

bool MultipartReader::refill()
{
  m_buffer.erase(0, m_begin);
  m_begin = 0;
  const auto old = m_buffer.size();
  m_buffer.resize(old + block_size);
  m_body.read(m_buffer.data() + old, block_size);
  m_buffer.resize(old + static_cast<std::size_t>(m_body.gcount()));
  return m_buffer.size() > old;
}

std::string_view MultipartReader::read()
{
  while (m_in_part) {
    const auto left = std::string_view{m_buffer}.substr(m_begin);
    const auto found = left.find(m_delimiter);
    if (found == 0) {
      m_begin += m_delimiter.size();
      m_in_part = false;
      break;
    }
    // The tail may be the beginning of a delimiter.
    const auto safe = found != std::string_view::npos     ? found
                      : left.size() >= m_delimiter.size() ? left.size() - m_delimiter.size() + 1
                                                          : 0;
    if (safe > 0) {
      m_begin += safe;
      return left.substr(0, safe);
    }
    if (!refill()) {
      m_cut = true;
      m_in_part = false;
    }
  }
  return {};
}

std::optional<std::string> MultipartReader::read_line()
{
  for (;;) {
    const auto end = m_buffer.find("\r\n", m_begin);
    if (end != std::string::npos) {
      auto line = m_buffer.substr(m_begin, end - m_begin);
      m_begin = end + 2;
      return line;
    }
    if (m_buffer.size() - m_begin > longest_header || !refill()) return std::nullopt;
  }
}

std::optional<PartHeader> MultipartReader::next()
{
  while (!read().empty()) {
  }
  if (m_cut || m_whole) return std::nullopt;
  while (m_buffer.size() - m_begin < 2 && refill()) {
  }
  if (m_buffer.compare(m_begin, 2, "--") == 0) {
    m_whole = true;
    return std::nullopt;
  }
  PartHeader header;
  auto line = read_line(); // what stands behind the boundary
  for (line = line ? read_line() : line; line && !line->empty(); line = read_line()) {
    if (!starts_with_ignoring_case(*line, "content-disposition:")) continue;
    header.name = parameter(*line, "name").value_or("");
    header.filename = parameter(*line, "filename");
  }
  if (!line) {
    m_cut = true;
    return std::nullopt;
  }
  m_in_part = true;
  return header;
}

} // namespace batchwright::emulator
