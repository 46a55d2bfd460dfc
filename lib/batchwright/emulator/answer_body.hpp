// An answer's body on its way out, whole or as a rule of the faults has it. In: a reply, a rule, the stream to write
// to. Out: bytes, in blocks, never all of a file at once. Never: closes the connection; tells where it stopped instead.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/emulator/http_rule.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/emulator/setting.hpp>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace batchwright::emulator {

class AnswerBody {
public:
  /// Opens the reply's file, where it has one.
  AnswerBody(const Reply& reply, const std::optional<HttpFault>& rule);

  std::uint64_t size() const noexcept { return m_size; }
  /// What the head is to announce.
  std::uint64_t announced() const;
  /// Where the rule stops the sending, for its action to be taken there; the end, where it does not.
  std::uint64_t stop() const;

  /// Writes what comes next, up to place `end`. Stops early when the client has gone or `pause` ends.
  void write(std::ostream& out, std::uint64_t end, Pause& pause);
  /// The rest, by the rule's speed or in the rule's garbage.
  void write_rest(std::ostream& out, Pause& pause);

private:
  std::uint64_t at_byte() const;
  void read(char* to, std::size_t size);
  void spoil(std::string& block) const;
  bool drip(std::ostream& out, const std::string& block, Pause& pause) const;

  const Reply& m_reply;
  const std::optional<HttpFault>& m_rule;
  std::optional<InputFile> m_file = {};
  std::uint64_t m_size = 0;
  std::uint64_t m_at = 0; // written so far
};

/// Bytes that are no JSON and no UTF-8, the same each time.
std::string garbage(std::uint64_t first, std::size_t size);

} // namespace batchwright::emulator
