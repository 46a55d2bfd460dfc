// Merging: a walk over the outcomes, a record for each, in large blocks.

#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/record.hpp>
#include <batchwright/results/results.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace batchwright::results {
namespace {

constexpr std::size_t block_size = 1 << 20;
constexpr std::uint64_t items_between_reports = 4096;

/// The untouched answer lines.
class RawWriter : public RecordWriter {
public:
  explicit RawWriter(RawLines wanted) : m_wanted(wanted) {}

  void begin(std::string&) override {}
  void pass(std::string&) override {}
  void end(std::string&) override {}
  void add(std::string& out, const Outcome& outcome) override
  {
    if (m_wanted != RawLines::all && (m_wanted == RawLines::answered) != is_answered(outcome)) return;
    out += outcome.answer;
    out += '\n';
  }

private:
  bool is_answered(const Outcome& outcome)
  {
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    const auto status = m_document.root().find("response", "status_code");
    const auto code = status ? status->integer().value_or(0) : 0;
    return code >= 200 && code < 300;
  }

  RawLines m_wanted;
  json::Document m_document = {};
};

std::unique_ptr<RecordWriter> writer_for(const MergeOptions& options, const Job& job)
{
  switch (options.format) {
  case Format::jsonl:
    return jsonl_writer(job);
  case Format::csv:
    return csv_writer(job);
  case Format::raw:
    return std::make_unique<RawWriter>(options.lines);
  case Format::npy:
    return npy_writer(job.items);
  case Format::ids:
    return ids_writer(job);
  }
  throw Error{Fault::bug, "a format without a writer"};
}

void count(Merged& merged, Status status)
{
  ++merged.written;
  ++(status == Status::succeeded ? merged.succeeded : merged.failed);
}

} // namespace

Format format_for(const std::filesystem::path& out)
{
  constexpr std::array<std::string_view, 6> not_yet = {".tsv", ".gz", ".zst", ".html", ".parquet", ".xlsx"};
  const auto extension = input::extension_of(out);
  if (std::find(not_yet.begin(), not_yet.end(), extension) != not_yet.end()) {
    throw Error{Fault::usage, fmt::format("writing {}: this version does not make {} files", out.native(), extension),
                "name it .jsonl or .csv, or name the format: batchwright fetch JOB --format jsonl"};
  }
  if (extension == ".npy") return Format::npy;
  return extension == ".csv" ? Format::csv : Format::jsonl;
}

Merged merge(const Job& job, const std::vector<OutcomeFile>& files, const MergeOptions& options, const Sink& sink,
             const OnMerged& on_merged)
{
  const auto writer = writer_for(options, job);
  Walk walk{files, options.last ? *options.last + 1 : job.items, options.first};
  Merged merged;
  std::string out;
  writer->begin(out);
  while (const auto* outcome = walk.next()) {
    if (outcome->status == Status::pending) {
      ensure(options.pending == Pending::leave_out, "every item that is merged has an outcome");
      writer->pass(out);
    } else {
      writer->add(out, *outcome);
      count(merged, outcome->status);
    }
    if (out.size() >= block_size) {
      sink(out);
      out.clear();
    }
    if (on_merged && (outcome->ordinal + 1) % items_between_reports == 0) on_merged(outcome->ordinal + 1, job.items);
  }
  writer->end(out);
  if (!out.empty()) sink(out);
  if (on_merged) on_merged(job.items, job.items);
  return merged;
}

} // namespace batchwright::results
