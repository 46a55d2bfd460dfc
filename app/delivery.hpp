// Where a merged result goes, the same for `fetch` and `run`.
#pragma once

#include "app/console.hpp"

#include <batchwright/model/view.hpp>
#include <batchwright/results/results.hpp>

#include <optional>
#include <string>

namespace app {

class Session;

struct Delivery {
  std::string out = "-";
  std::optional<batchwright::results::Format> format = {};

  /// Throws `Fault::usage` or `Fault::storage` for a place that nothing can be written to, and for one whose name asks
  /// for a format we do not write: said before the work.
  void check() const;
  /// Whether it is a folder, in which each file of ready-made requests gets its output.
  bool is_folder() const;
  /// What was asked for, else what the name of the place asks for.
  batchwright::results::Format chosen_format() const;
  Stdout stdout_use() const { return out == "-" ? Stdout::holds_data : Stdout::is_free; }
};

/// Writes the merged result; a file appears whole or not at all.
void deliver(const std::string& job, const Delivery& delivery, batchwright::results::Pending pending, Session& session);

/// A job that was waited for: where it is done, what it owes is handed over and the result goes where this command
/// wants it, if it does; where not, the user is told what moves it. The exit status is that of the job's end.
batchwright::Exit finish(const batchwright::JobView& view, const std::optional<Delivery>& delivery, Session& session);

/// The last word of a command: the job as an object with --json; else how it ended or, where it did not, why it stands
/// still and which command moves it.
void tell_end(const batchwright::JobView& view, Stdout out, Session& session);

/// The exit status of a command that Ctrl-C or SIGTERM ended early; nothing where neither came.
std::optional<batchwright::Exit> stopped_by_user();

} // namespace app
