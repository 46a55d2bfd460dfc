// Why an operation could not go on: the one exception that crosses a room's border.
// Expected outcomes (an HTTP status, an item without an answer) are values and never come this way.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace batchwright {

/// What kind of trouble it is. The kind decides the exit status, the text what the user reads.
enum class Fault : std::uint8_t {
  usage,       ///< the command line is wrong, or consent is missing
  input,       ///< the user's data cannot be used as it stands
  auth,        ///< no key, or the server refused it
  rejected,    ///< the server refused a call for a reason that will not go away
  budget,      ///< the cap on spending is reached
  unfinished,  ///< asked for something that is not there yet
  busy,        ///< another process works on this job
  network,     ///< the server could not be reached, or answers make no sense
  storage,     ///< a file could not be read or written
  disk,        ///< a disk is full, or takes nothing more
  newer_state, ///< the state was written by a newer program
  config,      ///< configuration, or another account than the job's
  interrupted, ///< the user asked to stop
  bug,         ///< a promise of this program to itself is broken
};

/// What the process returns. The numbers follow sysexits.h where it has a word for the case.
enum class Exit : std::uint8_t {
  ok = 0,
  error = 1,
  some_failed = 3,
  auth = 4,
  unfinished = 5,
  budget = 8,
  usage = 64,
  input = 65,
  storage = 74,
  temporary = 75,
  newer_state = 76,
  config = 78,
  interrupted = 130,
  terminated = 143,
};

Exit exit_for(Fault fault);

/// Which of two ends the process tells where several things ended in their own ways.
Exit graver(Exit a, Exit b);

/// A place in a file of the user's. Lines and bytes count from 1 and 0; 0 lines means the file as a whole.
struct Place {
  std::string file = {};
  std::uint64_t line = 0;
  std::optional<std::uint64_t> byte = {};
};

class Error : public std::runtime_error {
public:
  /// `hint` names a command or an option that helps: "run `batchwright fetch reviews --wait`".
  Error(Fault fault, const std::string& message, std::string hint = {});

  Fault fault() const noexcept { return m_fault; }
  const std::string& hint() const noexcept { return m_hint; }
  const std::optional<Place>& place() const noexcept { return m_place; }

  /// The same error with what was being done put before it: "uploading part 3: connection reset".
  [[nodiscard]] Error in(std::string_view doing) const;

  /// The same error with the place in the user's file that it speaks of.
  [[nodiscard]] Error at(Place place) const;

private:
  Fault m_fault;
  std::string m_hint;
  std::optional<Place> m_place = {};
};

/// Whatever was thrown as an Error: what the file system threw is `Fault::disk` or `Fault::storage`, all that is not
/// ours is a bug.
Error as_error(const std::exception_ptr& thrown);

/// Throws `Fault::storage` with the text of `errno`: "writing FILE: No space left on device".
[[noreturn]] void throw_errno(std::string_view doing, std::string_view path);

/// The same of what was to be written: `Fault::disk` where `errno` says that the disk is full, or may not or cannot be
/// written to.
[[noreturn]] void throw_unwritten(std::string_view doing, std::string_view path);

/// Throws `Fault::bug` when a promise of the program to itself is broken; checked in release builds too.
void ensure(bool promise, std::string_view what);

} // namespace batchwright
