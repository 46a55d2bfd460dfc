// The lines of a real-time part's journal, which is its output file: answers as a batch's output file has them, and
// between them marks of what was begun and of what brought nothing. An answer is told by its first bytes, without
// parsing the rest.
//
//   {"begin":17,"attempt":1}                                          written before the request is sent
//   {"missed":17,"attempt":1,"billed":false,"why":"HTTP 429"}         it brought no answer that counts
//   {"missed":17,"attempt":1,"billed":false,"next":2,"why":"HTTP 503"} the same, and the attempt is used up
//   {"missed":17,"attempt":1,"billed":true,"next":2,"timed_out":true,"why":"..."}  and it took as long as it may
//   {"id":"realtime-17-1","custom_id":"...","response":{...},"error":null}
//
// Numbers are those of the part's requests, from 0 in the order of its request file, and the item's attempts. A begin
// that nothing follows was in flight when the process was killed: it may have been billed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright {

struct JournalLine {
  enum class Kind : std::uint8_t {
    begin,
    missed,
    answer
  };
  Kind kind = Kind::begin;
  std::uint64_t request = 0;
  int attempt = 1;
  bool billed = false;    ///< of `missed`: the server may have run it, and billed that
  int next = 0;           ///< of `missed`: the attempt that comes next, where this one is used up; else 0
  bool timed_out = false; ///< of `missed`: it took as long as it may

  bool operator==(const JournalLine&) const = default;
};

/// What a line of a journal is, without its newline; nothing for a line that is none of ours. Of an answer only the
/// beginning is read; one that holds a zero byte is none, since a loss of power took some of it.
std::optional<JournalLine> read_journal_line(std::string_view line);

/// Whether a line is a mark, and no answer.
bool is_journal_mark(std::string_view line);

/// Append a mark, newline included. `why` is for people: cut where it is long, and without what a line cannot hold.
void append_begin(std::string& out, std::uint64_t request, int attempt);
void append_missed(std::string& out, const JournalLine& missed, std::string_view why);

/// Appends the beginning of an answer line up to and with its id: `{"id":"realtime-17-1"`. What follows is the
/// caller's, `,"custom_id":...}` and a newline.
void append_answer_id(std::string& out, std::uint64_t request, int attempt);

/// The codes of lines that stand for an answer which got lost: the server may have run the request, and billed that.
inline constexpr std::string_view code_timeout = "request_timeout";
inline constexpr std::string_view code_connection_lost = "connection_lost";
inline constexpr std::string_view code_unreadable_answer = "unreadable_answer";

inline bool is_code_of_lost(std::string_view code)
{
  return code == code_timeout || code == code_connection_lost || code == code_unreadable_answer;
}

/// The attempt that an answer's id names ("realtime-17-1"); nothing for ids that are not ours.
std::optional<int> attempt_in_id(std::string_view id);

/// What a journal's lines say of one request, up to the last one taken. Four bytes: there is one for each request.
class JournalTrail {
public:
  /// Takes the next line of the request. True where it is a begin, and the one before it may have been billed though it
  /// brought no answer: nothing followed that, or it was missed as billed.
  bool take(const JournalLine& line);

  bool answered() const { return m_answered; }
  /// The highest that was begun or answered, or comes next; 0: none. Those above 65535 count as that.
  int attempt() const { return m_attempt; }
  /// Nothing followed the last begin: it was in flight when the process was killed, or still is.
  bool is_open() const { return m_last == Last::open; }
  bool timed_out() const { return m_timed_out; }
  /// Whether any begin so far may have been billed without an answer.
  bool may_be_billed() const { return m_lost || m_last != Last::over; }

private:
  /// What became of the last begin.
  enum class Last : std::uint8_t {
    over, ///< there was none, or it was answered, or surely not billed
    open,
    billed ///< missed, and it may have been billed
  };

  std::uint16_t m_attempt = 0;
  Last m_last = Last::over;
  bool m_answered : 1 = false;
  bool m_lost : 1 = false; ///< a begin before the last one may have been billed
  bool m_timed_out : 1 = false;
};

} // namespace batchwright
