#include <batchwright/model/journal_line.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace batchwright {
namespace {

constexpr std::string_view answer_head = R"({"id":")";
constexpr std::string_view id_head = "realtime-";
constexpr std::string_view begin_head = R"({"begin":)";
constexpr std::string_view missed_head = R"({"missed":)";
constexpr std::string_view attempt_key = R"(,"attempt":)";
constexpr std::string_view billed_key = R"(,"billed":)";
constexpr std::string_view next_key = R"(,"next":)";
constexpr std::string_view timed_out_key = R"(,"timed_out":true)";
constexpr std::string_view why_key = R"(,"why":")";

/// No mark says more of why.
constexpr std::size_t longest_why = 240;

bool take(std::string_view& text, std::string_view head)
{
  if (!text.starts_with(head)) return false;
  text.remove_prefix(head.size());
  return true;
}

/// Reads a number off the front of a text, which has one spelling; nothing where none stands there, or one too large.
template<class Number>
std::optional<Number> take_number(std::string_view& text)
{
  Number number = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto length = static_cast<std::size_t>(stop - text.data());
  const bool has_other_spelling = text.starts_with('-') || (text.starts_with('0') && length > 1);
  if (fault != std::errc{} || has_other_spelling) return std::nullopt;
  text.remove_prefix(length);
  return number;
}

/// Reads a request and its attempt off the front of a text, and what stands between them.
std::optional<JournalLine> take_numbers(std::string_view& text, std::string_view between, JournalLine::Kind kind)
{
  const auto request = take_number<std::uint64_t>(text);
  if (!request || !take(text, between)) return std::nullopt;
  const auto attempt = take_number<int>(text);
  if (!attempt || *attempt < 1) return std::nullopt;
  return JournalLine{.kind = kind, .request = *request, .attempt = *attempt};
}

std::optional<JournalLine> take_id(std::string_view& text)
{
  return take(text, id_head) ? take_numbers(text, "-", JournalLine::Kind::answer) : std::nullopt;
}

std::optional<JournalLine> read_begin(std::string_view rest)
{
  const auto line = take_numbers(rest, attempt_key, JournalLine::Kind::begin);
  return rest == "}" ? line : std::nullopt;
}

std::optional<JournalLine> read_missed(std::string_view rest)
{
  auto line = take_numbers(rest, attempt_key, JournalLine::Kind::missed);
  if (!line || !take(rest, billed_key)) return std::nullopt;
  line->billed = take(rest, "true");
  if (!line->billed && !take(rest, "false")) return std::nullopt;
  if (take(rest, next_key)) {
    const auto next = take_number<int>(rest);
    if (!next || *next <= line->attempt) return std::nullopt;
    line->next = *next;
  }
  line->timed_out = take(rest, timed_out_key);
  return take(rest, why_key) && rest.ends_with(R"("})") ? line : std::nullopt;
}

std::optional<JournalLine> read_answer(std::string_view rest)
{
  const auto line = take_id(rest);
  return rest.starts_with('"') ? line : std::nullopt;
}

/// Appends the inside of a JSON string: what is not a printable ASCII character is lost.
void append_words(std::string& out, std::string_view words)
{
  for (const char c : words.substr(0, longest_why)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c >= ' ' && c <= '~' ? c : '?';
  }
}

} // namespace

std::optional<JournalLine> read_journal_line(std::string_view line)
{
  const auto whole = line;
  std::optional<JournalLine> read;
  if (take(line, answer_head)) {
    read = read_answer(line);
  } else if (take(line, begin_head)) {
    read = read_begin(line);
  } else if (take(line, missed_head)) {
    read = read_missed(line);
  }
  return read && whole.find('\0') == std::string_view::npos ? read : std::nullopt;
}

bool is_journal_mark(std::string_view line)
{
  const auto read = read_journal_line(line);
  return read && read->kind != JournalLine::Kind::answer;
}

void append_begin(std::string& out, std::uint64_t request, int attempt)
{
  fmt::format_to(std::back_inserter(out), "{}{}{}{}}}\n", begin_head, request, attempt_key, attempt);
}

void append_missed(std::string& out, const JournalLine& missed, std::string_view why)
{
  fmt::format_to(std::back_inserter(out), "{}{}{}{}{}{}", missed_head, missed.request, attempt_key, missed.attempt,
                 billed_key, missed.billed);
  if (missed.next > missed.attempt) fmt::format_to(std::back_inserter(out), "{}{}", next_key, missed.next);
  if (missed.timed_out) out += timed_out_key;
  out += why_key;
  append_words(out, why);
  out += "\"}\n";
}

void append_answer_id(std::string& out, std::uint64_t request, int attempt)
{
  fmt::format_to(std::back_inserter(out), "{}{}{}-{}\"", answer_head, id_head, request, attempt);
}

std::optional<int> attempt_in_id(std::string_view id)
{
  const auto line = take_id(id);
  return line && id.empty() ? std::optional{line->attempt} : std::nullopt;
}

bool JournalTrail::take(const JournalLine& line)
{
  constexpr int most = std::numeric_limits<std::uint16_t>::max();
  const bool is_missed = line.kind == JournalLine::Kind::missed;
  m_attempt = std::max(m_attempt, static_cast<std::uint16_t>(std::min(is_missed ? line.next : line.attempt, most)));
  if (is_missed) {
    m_timed_out = m_timed_out || line.timed_out;
    if (is_open()) m_last = line.billed ? Last::billed : Last::over;
    return false;
  }
  if (line.kind == JournalLine::Kind::answer) {
    m_answered = true;
    m_last = Last::over;
    return false;
  }
  const bool was_lost = m_last != Last::over;
  if (was_lost) m_lost = true;
  m_last = Last::open;
  return was_lost;
}

} // namespace batchwright
