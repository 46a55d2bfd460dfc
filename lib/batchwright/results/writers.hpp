// Merged results in their formats. Comes in: outcomes in input order. Goes out: text. The formats differ here and
// nowhere else.
#pragma once

#include <batchwright/model/job.hpp>
#include <batchwright/results/results.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace batchwright::results {

enum class Wrote : std::uint8_t {
  nothing,
  record
};

/// Writes records one after the other. Every item of the job is handed over, in input order.
class RecordWriter {
public:
  RecordWriter() = default;
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;
  virtual ~RecordWriter() = default;

  /// What stands before the first record.
  virtual void begin(std::string&) {}
  /// Appends the item's record, newline included, where the format has one for it.
  virtual Wrote add(std::string& out, const Outcome& outcome) = 0;
  /// Passes over an item without an outcome.
  virtual void pass(std::string&, Ordinal) {}
  /// After the last one: throws where what was read along is not what it was at the beginning.
  virtual void end(std::string&) {}
};

/// The whole record, or the fields that are asked for. Throws as `fields_named`; where a field needs the input,
/// `Fault::input` where it is not what was pinned.
std::unique_ptr<RecordWriter> jsonl_writer(const Job& job, const Choice& choice = {});
/// The input's columns and what came of them, or the fields that are asked for, as a table by RFC 4180 with this
/// between its cells. Throws as `jsonl_writer`.
std::unique_ptr<RecordWriter> table_writer(const Job& job, const Choice& choice, char delimiter);
/// The untouched answer lines.
std::unique_ptr<RecordWriter> raw_writer(RawLines wanted);
/// A matrix of float32 in NumPy's format, a row for each item: NaN where there is no vector. Throws `Fault::usage`
/// where the job's answers are no vectors, or vectors of different lengths.
std::unique_ptr<RecordWriter> npy_writer(std::uint64_t rows);
/// What the rows of such a matrix are: `{"index","custom_id","status","error"}`, a line for each.
std::unique_ptr<RecordWriter> ids_writer(const Job& job);

} // namespace batchwright::results
