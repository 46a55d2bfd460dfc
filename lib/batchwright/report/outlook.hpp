// What is ahead of a job, and what became of its deadline, in sentences.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/events.hpp>
#include <batchwright/model/outlook.hpp>
#include <batchwright/model/view.hpp>

#include <string>

namespace batchwright::report {

/// "8m at 150 requests a minute (assumed)".
std::string pace(const RestSpan& rest);
/// The same of what is under way: "about 8m more at 150 requests a minute".
std::string still_takes(const RestSpan& rest);

/// How a job with a deadline goes in real time: "switches to real time at 14:05 UTC: 1,200 requests are left, 8m at 150
/// requests a minute, 10m for cancelling, 5m between polls"; that this is due; or that it is too late for the deadline.
std::string switching(const Switch& plan, Instant deadline, Instant now);

/// Of a deadline that was missed, or will be: "was missed by 12m". Empty where it was kept, may be, or where the user
/// cancelled the job.
std::string miss(const JobView& view, Instant now);
/// The same as a sentence: "the deadline 14:00 UTC was missed by 12m".
std::string missed_deadline(const JobView& view, Instant now);

/// "reviews: goes on in real time now, to keep the deadline 14:20 UTC: 1,200 requests are left, ...".
std::string sentence(const BatchesLeft& left, Instant now);
/// What holds up the rest, and the command that gives it up.
std::string sentence(const Stuck& stuck);
/// What is left of a job, what it costs and how long it takes in real time: two lines.
std::string sentence(const Finish& finish);
/// The same as an offer: the command, and its price.
std::string offer(const Finish& finish);

} // namespace batchwright::report
