// The lines of a real-time part's journal, which is its output file: answers as a batch's output file has them, and
// between them marks of what was begun and of what brought nothing. A line is told by its first bytes, without parsing
// the rest.
//
//   {"begin":17,"attempt":1}                                          written before the request is sent
//   {"missed":17,"attempt":1,"billed":false,"why":"HTTP 503"}         it brought no answer that counts
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
  bool billed = false; ///< of `missed`: the server may have run it, and billed that

  bool operator==(const JournalLine&) const = default;
};

/// What a line of a journal is, by its first bytes; nothing for a line that is none of ours.
std::optional<JournalLine> read_journal_line(std::string_view line);

/// Whether a line is a mark, and no answer.
bool is_journal_mark(std::string_view line);

/// Append a mark, newline included. `why` is for people, and cut where it is long.
void append_begin(std::string& out, std::uint64_t request, int attempt);
void append_missed(std::string& out, const JournalLine& missed, std::string_view why);

/// Appends the beginning of an answer line up to and with its id: `{"id":"realtime-17-1"`. What follows is the
/// caller's, `,"custom_id":...}` and a newline.
void append_answer_id(std::string& out, std::uint64_t request, int attempt);

/// The attempt that an answer's id names; nothing for ids that are not ours.
std::optional<int> attempt_in_id(std::string_view id);

} // namespace batchwright
