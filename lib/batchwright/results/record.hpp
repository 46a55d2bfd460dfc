// One item's outcome in a format of the merged result. The formats differ here and nowhere else.
#pragma once

#include <batchwright/model/job.hpp>
#include <batchwright/money/prices.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/wire/answer.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace batchwright::results {

/// Writes records one after the other. Every item of the job is handed over, in input order.
class RecordWriter {
public:
  RecordWriter() = default;
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;
  virtual ~RecordWriter() = default;

  /// What stands before the first record.
  virtual void begin(std::string& out) = 0;
  /// Appends the item's record, newline included.
  virtual void add(std::string& out, const Outcome& outcome) = 0;
  /// Passes over a pending item.
  virtual void pass(std::string& out) = 0;
  /// After the last one: throws where what was read along is not what it was at the beginning.
  virtual void end(std::string& out) = 0;
};

/// What an answer says as JSON, vectors as arrays of numbers: these are written into `scratch`.
std::string_view output_json(const wire::Answer& answer, std::string& scratch);

std::unique_ptr<RecordWriter> jsonl_writer(const Job& job);
/// A matrix of float32 in NumPy's format, a row for each item: NaN where there is no vector. Throws `Fault::input`
/// where the job's answers are no vectors, or vectors of different lengths.
std::unique_ptr<RecordWriter> npy_writer(std::uint64_t rows);
/// What the rows of such a matrix are: `{"index","custom_id","status","error"}`, a line for each.
std::unique_ptr<RecordWriter> ids_writer(const Job& job);
/// Reads the pinned inputs along. Throws `Fault::input` where one is not what was pinned.
std::unique_ptr<RecordWriter> csv_writer(const Job& job);

} // namespace batchwright::results
