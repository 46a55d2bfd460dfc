// Inside the room: what settling a part of a job takes, be it for good or for a look at what is there by now.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/results/billing.hpp>

namespace batchwright::engine {

/// Where the part's files stand.
results::SettleFiles settle_files(const Job& job, const Part& part, const store::JobLayout& files);

/// Whether the user's ids, where there are any, can be read: from the part's list of them, or from its request file.
bool has_ids(const Job& job, const results::SettleFiles& files);

/// What else decides: nothing is cancelled, demanded or held elsewhere.
results::SettleContext settle_context(const Tools& tools, const Job& job, const Part& part);

/// What the journal of a real-time part tells of its cost; nothing of it is read yet.
results::JournalBilling billing_of(const Tools& tools, const Job& job, const Part& part);

/// Of a job that is to take little room, what is at the server goes from the disk: the same bytes are built again,
/// should they be needed.
void discard_uploaded(const Job& job, const Part& part, const store::JobLayout& files);

/// What was uploaded of a part is of no use: it is uploaded again, and built again where its file no longer stands.
void forget_file(Part& part, const store::JobLayout& files);

/// Of a job that is to take little room, what a real-time part was answered is packed, durably, in the place of its
/// journal, which nobody writes any more; returns where it stands, if anywhere. Done again, it changes nothing. Throws
/// `Fault::storage`, `Fault::disk`.
std::filesystem::path pack_journal(const Part& part, const store::JobLayout& files);

/// A journal goes once it is packed and nobody reads it.
void discard_packed_journal(const Part& part, const store::JobLayout& files);

} // namespace batchwright::engine
