// How values look: tables and sentences for people, one compact JSON object a line for programs. Renders model values
// and decides nothing. Never writes to a stream by itself.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/model/money.hpp>
#include <batchwright/model/reconciliation.hpp>
#include <batchwright/model/spending.hpp>
#include <batchwright/model/view.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::report {

/// How much room and colour there is.
struct Style {
  int columns = 80;
  bool colour = false;
};

// --- numbers for people ----------------------------------------------------------------------------------------------

std::string count(std::uint64_t n);                                                ///< "1,234,567"
std::string counted(std::uint64_t n, std::string_view one, std::string_view many); ///< "1 batch", "2,000 batches"
std::string bytes(std::uint64_t n);                                                ///< "95.4 MiB"
std::string money(PicoUsd amount);                          ///< "$12.34", "$0.0042"; never "$0.00" for something
std::string span(Millis duration);                          ///< "2h 05m", "38s"
std::string about(Millis duration);                         ///< "2h 05m", "8m", "90s": rounded up, 1s at least
std::string share(std::uint64_t part, std::uint64_t whole); ///< "99.8%"; 100% only when it is all, 0% only when none
std::string relative(Instant t, Instant now);               ///< "12 min ago", "in 38 s"
std::string utc(Instant t);                                 ///< "2026-11-22 10:00:00 UTC"
/// "10:00 UTC"; where it is less than ten minutes from now, with seconds; on another day, with its date.
std::string clock_time(Instant t, Instant now);

// --- text from elsewhere ---------------------------------------------------------------------------------------------

/// UTF-8 whatever came: U+FFFD stands for each byte that is none. For JSON.
std::string legible(std::string_view bytes);
/// On one line and without power over a terminal: control characters, and those that turn the direction of writing,
/// become visible ("\x1b"), line ends and tabs become spaces.
std::string harmless(std::string_view bytes);
/// The cells a text takes in a terminal: wide characters take two, combining ones none.
int width(std::string_view utf8);
/// Cut or padded to exactly that many cells; what is cut ends in "…".
std::string fitted(std::string_view utf8, int cells);

// --- a job -----------------------------------------------------------------------------------------------------------

/// The object that `status --json` prints, one line without newline; fields as in the contract.
std::string json(const JobView& view);
/// `status JOB`: a head of a few lines and a table of parts; of many parts those at rest are summed. No newline at the
/// end, as everywhere here.
std::string page(const JobView& view, const Style& style, Instant now);
/// `status`: a line a job, why some are paused, and which miss their deadline.
std::string table(const std::vector<JobView>& views, const Style& style, Instant now);
/// One sentence: "reviews: 900 of 1,000 done, 2 failed, 98 pending; 1 batch running".
std::string sentence(const JobView& view);

// --- money -----------------------------------------------------------------------------------------------------------

/// The object that `cost --json` prints, one line without newline; fields as in the contract.
std::string json(const CostView& view);
/// `cost JOB`: what was spent, against the estimate and against real time, and a table by day, route, tier and model.
std::string page(const CostView& view, const Style& style);
/// `cost`: a line a job, and their sums.
std::string table(const std::vector<CostView>& views, const Style& style);

/// The object that `cost --reconcile --json` prints for a row: ours, the provider's, and theirs less ours.
std::string json(const ReconciledRow& row);
/// `cost --reconcile`: a table of our figures, with the provider's below where they differ, and what that means.
std::string page(const Reconciliation& reconciliation, const Style& style);

// --- errors ----------------------------------------------------------------------------------------------------------

/// "error: FILE:LINE: what happened\n  hint: ...", for people. The place is left out where the message tells it.
std::string text(const Error& error, const Style& style);
/// "warning: ..."
std::string warning(std::string_view text, const Style& style);
/// `{"error":{"exit_code","message","hint","file","line","byte"}}`, one line without newline.
std::string json(const Error& error, Exit exit);
/// `{"warning":{"message"}}`, one line without newline.
std::string json_warning(std::string_view text);

} // namespace batchwright::report
