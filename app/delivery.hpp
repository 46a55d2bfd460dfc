// How a command that brings results home ends, the same for `fetch` and `run`.
#pragma once

#include "app/console.hpp"

#include <batchwright/engine/delivery.hpp>
#include <batchwright/model/share.hpp>
#include <batchwright/model/view.hpp>

#include <optional>
#include <string>

namespace app {

class Session;

/// Whether the result and the object that --json prints want the same way.
Stdout stdout_use(const batchwright::engine::Delivery& delivery);

/// Writes the merged result, and tells each file.
void deliver(const std::string& job, const batchwright::engine::Delivery& delivery, Session& session);

/// What a command that waited for a job's end does with it.
struct Ending {
  std::optional<batchwright::engine::Delivery> delivery = {}; ///< nothing: the result goes elsewhere, or nowhere
  std::optional<batchwright::Allowance> max_failed = {};      ///< so many failed items are no failure
};

/// A job that was waited for: where it is done, what it owes is handed over and the result goes where this command
/// wants it, if it does; where not, the user is told what moves it. The exit status is that of the job's end.
batchwright::Exit finish(const batchwright::JobView& view, const Ending& ending, Session& session);

/// The last word of a command: the job as an object with --json; else how it ended or, where it did not, why it stands
/// still and which command moves it.
void tell_end(const batchwright::JobView& view, Stdout out, Session& session);

/// The exit status of a command that Ctrl-C or SIGTERM ended early; nothing where neither came.
std::optional<batchwright::Exit> stopped_by_user();

} // namespace app
