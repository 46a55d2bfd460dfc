// Inside the room: what settling a part of a job takes, be it for good or for a look at what is there by now.
#pragma once

#include <batchwright/engine/engine.hpp>

namespace batchwright::engine {

/// Where the part's files stand.
results::SettleFiles settle_files(const Job& job, const Part& part, const store::JobLayout& files);

/// Whether the user's ids, where there are any, can be read: from the part's list of them, or from its request file.
bool has_ids(const Job& job, const results::SettleFiles& files);

/// What else decides: nothing is cancelled, demanded or held elsewhere.
results::SettleContext settle_context(const Tools& tools, const Job& job, const Part& part);

} // namespace batchwright::engine
