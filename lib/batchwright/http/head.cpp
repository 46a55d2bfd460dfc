#include <batchwright/http/head.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace batchwright::http {
namespace {

char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text)
{
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The text up to the next line end, taken off the front.
std::string_view take_line(std::string_view& text)
{
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// "HTTP/1.1 200 OK": minor version and status.
std::optional<Head> parse_status_line(std::string_view line)
{
  constexpr std::string_view protocol = "HTTP/1.";
  constexpr std::size_t shortest = 12;
  if (!line.starts_with(protocol) || line.size() < shortest || line[8] != ' ') return std::nullopt;
  Head head;
  head.minor_version = line[7] == '0' ? 0 : 1;
  const auto* digits = line.data() + 9;
  const auto [end, fault] = std::from_chars(digits, digits + 3, head.status);
  if (fault != std::errc{} || end != digits + 3 || head.status < 100) return std::nullopt;
  if (line.size() > shortest && line[shortest] != ' ') return std::nullopt;
  return head;
}

/// Whether a list such as "keep-alive, Upgrade" names `word`.
bool lists(std::string_view list, std::string_view word)
{
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (equal_ignoring_case(trimmed(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// A name or file name inside quotes, as browsers escape it.
std::string in_quotes(std::string_view text)
{
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') {
      out += "%22";
    } else if (c == '\r') {
      out += "%0D";
    } else if (c == '\n') {
      out += "%0A";
    } else {
      out += c;
    }
  }
  return out += '"';
}

/// -1 where digits are missing.
int number_at(std::string_view text, std::size_t at, std::size_t digits)
{
  int number = -1;
  const auto* const begin = text.data() + at;
  const auto [end, fault] = std::from_chars(begin, begin + digits, number);
  return fault == std::errc{} && end == begin + digits ? number : -1;
}

} // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b)
{
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view find_header(const Headers& headers, std::string_view name)
{
  for (const auto& [key, value] : headers) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return {};
}

bool Head::keeps_alive() const
{
  const auto connection = find_header(headers, "Connection");
  if (lists(connection, "close")) return false;
  return minor_version > 0 || lists(connection, "keep-alive");
}

bool Head::is_chunked() const
{
  return lists(find_header(headers, "Transfer-Encoding"), "chunked");
}

std::optional<std::uint64_t> Head::content_length() const
{
  const auto text = find_header(headers, "Content-Length");
  std::uint64_t length = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return length;
}

std::optional<Head> parse_head(std::string_view text)
{
  auto head = parse_status_line(take_line(text));
  if (!head) return std::nullopt;
  constexpr std::size_t enough_for_most = 16;
  head->headers.reserve(enough_for_most);
  while (!text.empty()) {
    const auto line = take_line(text);
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
    head->headers.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return head;
}

Frame multipart_frame(const Upload& upload, std::string boundary)
{
  Frame frame{.boundary = std::move(boundary)};
  for (const auto& [name, value] : upload.fields) {
    frame.before += fmt::format("--{}\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n", frame.boundary,
                                in_quotes(name), value);
  }
  frame.before +=
      fmt::format("--{}\r\nContent-Disposition: form-data; name={}; filename={}\r\nContent-Type: {}\r\n\r\n",
                  frame.boundary, in_quotes(upload.file_field), in_quotes(upload.file_name), upload.content_type);
  frame.after = fmt::format("\r\n--{}--\r\n", frame.boundary);
  return frame;
}

std::optional<Instant> parse_http_date(std::string_view text)
{
  constexpr std::string_view form = "Sun, 06 Nov 1994 08:49:37 GMT";
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != form.size() || !text.ends_with(" GMT")) return std::nullopt;
  const int day = number_at(text, 5, 2), year = number_at(text, 12, 4);
  const int hour = number_at(text, 17, 2), minute = number_at(text, 20, 2), second = number_at(text, 23, 2);
  const auto* const found = std::find(months.begin(), months.end(), text.substr(8, 3));
  const auto month = static_cast<unsigned>(found - months.begin()) + 1;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (day < 0 || year < 0 || !date.ok()) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  return Instant{std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                 std::chrono::seconds{second}};
}

} // namespace batchwright::http
