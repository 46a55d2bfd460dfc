// Merging: a walk over the outcomes, a record for each, in large blocks.

#include <batchwright/base/error.hpp>
#include <batchwright/base/pack.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/results/writers.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace batchwright::results {
namespace {

constexpr std::size_t block_size = 1 << 16;
constexpr std::uint64_t items_between_reports = 4096;

std::unique_ptr<RecordWriter> writer_for(const MergeOptions& options, const Job& job)
{
  switch (options.format) {
  case Format::jsonl:
    return jsonl_writer(job, options.choice);
  case Format::csv:
    return table_writer(job, options.choice, ',');
  case Format::tsv:
    return table_writer(job, options.choice, '\t');
  case Format::raw:
    return raw_writer(options.lines);
  case Format::npy:
    return npy_writer(job.items);
  case Format::ids:
    return ids_writer(job);
  }
  throw Error{Fault::bug, "a format without a writer"};
}

void check(const MergeOptions& options)
{
  const auto format = options.format;
  const bool is_matrix = format == Format::npy || format == Format::ids;
  if (is_matrix && options.only != Only::all) {
    throw Error{Fault::usage, "--only: row i of a matrix is item i, so that all items have one",
                "take another format: --format jsonl"};
  }
  if ((is_matrix || format == Format::raw) && !options.choice.is_usual()) {
    throw Error{Fault::usage, "--fields and --include choose among what records hold, which this format does not write",
                "they go with --format jsonl, csv and tsv"};
  }
}

bool is_wanted(Status status, Only only)
{
  return only == Only::all || (status == Status::succeeded) == (only == Only::succeeded);
}

void count(Merged& merged, Status status)
{
  ++merged.written;
  ++(status == Status::succeeded ? merged.succeeded : merged.failed);
}

} // namespace

Format format_for(const std::filesystem::path& out)
{
  constexpr std::array<std::string_view, 6> others = {".html", ".parquet", ".xlsx", ".bz2", ".xz", ".zip"};
  const auto extension = input::extension_of(unpacked_name(out));
  if (std::find(others.begin(), others.end(), extension) != others.end()) {
    throw Error{Fault::usage, fmt::format("writing {}: this version does not make {} files", out.native(), extension),
                "name it .jsonl or .csv, or name the format: batchwright fetch JOB --format jsonl"};
  }
  return format_named(extension.empty() ? extension : extension.substr(1)).value_or(Format::jsonl);
}

std::optional<Format> format_named(std::string_view word)
{
  constexpr std::array<std::pair<std::string_view, Format>, 5> words{{{"jsonl", Format::jsonl},
                                                                      {"csv", Format::csv},
                                                                      {"tsv", Format::tsv},
                                                                      {"raw", Format::raw},
                                                                      {"npy", Format::npy}}};
  const auto* const found = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == word; });
  return found == words.end() ? std::nullopt : std::optional{found->second};
}

Merged merge(const Job& job, const std::vector<OutcomeFile>& files, const MergeOptions& options, const Sink& sink,
             const OnMerged& on_merged)
{
  check(options);
  const auto writer = writer_for(options, job);
  Walk walk{files, options.last ? *options.last + 1 : job.items, options.first};
  Merged merged;
  std::string out;
  writer->begin(out);
  while (const auto* outcome = walk.next()) {
    if (outcome->status == Status::pending) {
      ensure(options.pending == Pending::leave_out, "every item that is merged has an outcome");
      writer->pass(out, outcome->ordinal);
    } else if (is_wanted(outcome->status, options.only) && writer->add(out, *outcome) == Wrote::record) {
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
