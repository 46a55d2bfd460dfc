// Which values a merged result holds. Comes in: names as a user writes them. Goes out: what each names, in a record or
// in the item's input. Private to results/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/results/record.hpp>

#include <string>
#include <vector>

namespace batchwright::results {

/// One value of an item.
struct Field {
  std::string name = {};         ///< as it was asked for: the key, or the header of the column
  std::optional<Member> in = {}; ///< of the record; nothing: of the input
  std::string path = {};         ///< inside the member; in the input the column, and the path inside it. Empty: whole
};

/// What names mean: a member of the record and what stands inside it ("output.label", "error.code", "usage"), else a
/// column of the input ("title", "meta.author"); `input.title` is always that, `input` the whole record of the input;
/// `id` without such a column is the custom_id. Throws `Fault::usage` for what is neither, and for a name that comes
/// twice.
std::vector<Field> fields_named(const std::vector<std::string>& names, const Job& job);

/// What is asked for beside them, behind them: `input`, `response`; what is there already, not twice.
void append_included(std::vector<Field>& fields, const Choice& choice);

/// Whether any of them needs the input.
bool need_input(const std::vector<Field>& fields);

/// Whether any of them, in the record of such an outcome, is made of its answer line.
bool need_answer(const std::vector<Field>& fields, const Record& record, const Outcome& outcome);

/// Appends a value as JSON, null where there is none. `item`: null where no field needs the input.
void append_value(std::string& out, const Field& field, Record& record, const input::Item* item);

} // namespace batchwright::results
