// Merged results in their formats. Comes in: outcomes in input order. Goes out: text. The formats differ here and
// nowhere else.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/results/input_along.hpp>
#include <batchwright/results/results.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace batchwright::results {

enum class Wrote : std::uint8_t {
  nothing,
  record
};

/// Makes records, one after the other. Each thread has its own.
class RecordRenderer {
public:
  RecordRenderer() = default;
  RecordRenderer(const RecordRenderer&) = delete;
  RecordRenderer& operator=(const RecordRenderer&) = delete;
  virtual ~RecordRenderer() = default;

  /// Appends the item's record, newline included, where the format has one for it. REQUIRED: the outcome has its answer
  /// line, where the writer reads it. `item`: of the input; null where the writer reads none.
  virtual Wrote add(std::string& out, const Outcome& outcome, const input::Item* item = nullptr) = 0;
  /// Passes over an item without an outcome.
  virtual void pass(std::string&, Ordinal) {}
};

/// What a result consists of, of which the records are made side by side.
class RecordWriter {
public:
  RecordWriter() = default;
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;
  virtual ~RecordWriter() = default;

  /// What stands before the first record.
  virtual void begin(std::string&) {}
  /// The writer outlives it.
  virtual std::unique_ptr<RecordRenderer> renderer() const = 0;
  /// Whether the record of such an outcome, its answer not looked for, is made of its answer line, too.
  virtual bool reads_line(const Outcome&) const { return true; }
  /// How many bytes each item has in the result, whatever became of it; 0: as many as there are.
  virtual std::size_t bytes_of_each() const { return 0; }
  /// Where the items of the input come from that records are made of, too; null: there is no need of them.
  virtual InputAlong* input() { return nullptr; }
  /// After the last record: throws where what was read along is not what it was at the beginning.
  virtual void end() {}
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
std::unique_ptr<RecordWriter> npy_writer(std::uint64_t rows, const std::vector<OutcomeFile>& files);
/// What the rows of such a matrix are: `{"index","custom_id","status","error"}`, a line for each.
std::unique_ptr<RecordWriter> ids_writer(const Job& job);

} // namespace batchwright::results
