// Which items of a real-time part had a request sent for them that brought no answer, and that may be billed all the
// same. Comes in: the part's journal. Private to results/.
#pragma once

#include <batchwright/model/part.hpp>
#include <batchwright/results/members.hpp>
#include <batchwright/results/results.hpp>

#include <vector>

namespace batchwright::results {

/// By the items' places; empty: there are none. Reads the request file where requests have several items, to know
/// which. Throws `Fault::storage`.
std::vector<bool> items_in_flight(const Part& part, const SettleFiles& files, const Members& members);

} // namespace batchwright::results
