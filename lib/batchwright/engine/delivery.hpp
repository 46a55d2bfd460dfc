// Where a merged result goes: a file, a folder, a pipe, standard output. Comes in: a job whose parts are settled. Goes
// out: files that appear whole or not at all, packed as their names say.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/results/results.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace batchwright::engine {

struct Delivery {
  std::string out = "-";                      ///< a path, a folder, or - for standard output
  std::optional<results::Format> format = {}; ///< nothing: as the name of the place asks; in a folder raw
  results::Pending pending = results::Pending::refuse;
  results::Only only = results::Only::all;
  results::Choice choice = {};

  bool is_stdout() const { return out == "-"; }
  /// Whether it is a folder, in which each file of ready-made requests gets its output.
  bool is_folder() const;
  /// Throws as results::format_for.
  results::Format chosen_format() const;
  /// Said before the work. Throws `Fault::usage` or `Fault::storage` for a place that nothing can be written to, for
  /// one whose name asks for a format we do not write, and for a matrix on standard output.
  void check() const;
  /// The same for a place of one of the job's inputs, which are read for as long as the job is there. Throws
  /// `Fault::usage`.
  void check_against(const Job& job) const;
};

/// A file that was written.
struct Delivered {
  std::string path = {};
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};
using OnDelivered = std::function<void(const Delivered& file)>;

/// Writes the merged result. An existing file is replaced when the new one is whole; a link stays a link; pipes and
/// devices are written to as they are. Beside a matrix comes `NAME.ids.jsonl`; in a folder, which is made where it is
/// missing, each file of ready-made requests NAME.jsonl gets NAME.jsonl and, where requests were refused,
/// NAME.errors.jsonl; of two inputs of one name the second gets NAME-2. All that is written is of one commit.
/// `on_stdout` takes what goes to standard output. Throws as check(), results::merge and, for the folder of a job of
/// other inputs, `Fault::usage`.
void deliver(Tools& tools, const std::string& job, const Delivery& delivery, const results::Sink& on_stdout,
             const OnDelivered& on_delivered = {});

} // namespace batchwright::engine
