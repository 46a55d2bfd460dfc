// Merging: a walk over the outcomes, a record for each. One thread at a time takes a block of outcomes from the walk,
// one at a time hands a block of records over; in between each makes records of its own block.

#include <batchwright/base/error.hpp>
#include <batchwright/base/ordered_work.hpp>
#include <batchwright/base/pack.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/results/outcome_block.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/results/writers.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>

namespace batchwright::results {
namespace {

constexpr std::size_t block_size = 1 << 18; // that caches hold
constexpr std::uint64_t most_items = 1024;  // in a block
constexpr std::uint64_t least_items = 64;   // for each thread
constexpr std::uint64_t items_between_reports = 4096;
constexpr unsigned most_threads = 4;

std::unique_ptr<RecordWriter> writer_for(const MergeOptions& options, const Job& job,
                                         const std::vector<OutcomeFile>& files)
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
    return npy_writer(job.items, files);
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

/// What the threads of a merge share.
class Merging {
public:
  Merging(const Job& job, const std::vector<OutcomeFile>& files, const MergeOptions& options, const Sink& sink,
          const OnMerged& on_merged)
      : m_items(job.items),
        m_options(options),
        m_sink(sink),
        m_on_merged(on_merged),
        m_writer(writer_for(options, job, files)),
        m_next(options.first),
        m_end(options.last ? *options.last + 1 : job.items),
        m_walk(files, m_end, options.first)
  {
  }

  Merged run()
  {
    m_writer->begin(m_head);
    std::vector<std::unique_ptr<OrderedWorker>> workers;
    for (auto n = threads(); n > 0; --n)
      workers.push_back(std::make_unique<Worker>(*this));
    work_in_order(workers);
    m_writer->end();
    hand_over({});
    if (m_on_merged) m_on_merged(m_items, m_items);
    return m_merged;
  }

private:
  /// A block on its way from the walk to the sink.
  class Worker : public OrderedWorker {
  public:
    explicit Worker(Merging& merging) : m_merging(merging), m_renderer(merging.m_writer->renderer()) {}

    bool take() override
    {
      m_block.clear();
      m_begin = m_merging.m_next;
      m_failure = m_merging.fill(m_block);
      m_end = m_merging.m_next;
      return m_failure || m_begin < m_end;
    }

    void make() override
    {
      m_records.clear();
      m_made = {};
      for (std::size_t i = 0; i < m_block.size(); ++i) {
        const auto outcome = m_block.outcome(i);
        if (outcome.status == Status::pending) {
          m_renderer->pass(m_records, outcome.ordinal);
        } else if (m_renderer->add(m_records, outcome, m_block.item(i)) == Wrote::record) {
          count(m_made, outcome.status);
        }
      }
      if (m_failure) std::rethrow_exception(m_failure); // what stands before it came first
    }

    void put() override
    {
      m_merging.hand_over(m_records);
      m_merging.add(m_made);
      m_merging.report(m_begin, m_end);
    }

  private:
    Merging& m_merging;
    std::unique_ptr<RecordRenderer> m_renderer;
    OutcomeBlock m_block = {};
    Ordinal m_begin = 0;
    Ordinal m_end = 0;
    std::exception_ptr m_failure = {}; // of the walk, behind the block
    std::string m_records = {};
    Merged m_made = {};
  };

  std::uint64_t threads() const
  {
    const auto processors = std::min(std::thread::hardware_concurrency(), most_threads);
    const auto wanted = m_options.threads > 0 ? m_options.threads : processors;
    return std::clamp<std::uint64_t>((m_end - m_next) / least_items, 1, std::max(1U, wanted));
  }

  /// Takes outcomes off the walk until the block is full. What was thrown meanwhile: after that there are no others.
  std::exception_ptr fill(OutcomeBlock& block)
  {
    if (m_is_broken) return nullptr;
    try {
      for (std::uint64_t taken = 0; taken < most_items && has_room(block); ++taken) {
        const auto* outcome = m_walk.next();
        if (!outcome) break;
        take(*outcome, block);
        m_next = outcome->ordinal + 1;
      }
      return nullptr;
    } catch (...) {
      m_is_broken = true;
      return std::current_exception();
    }
  }

  bool has_room(const OutcomeBlock& block) const
  {
    return block.bytes() + block.size() * m_writer->bytes_of_each() < block_size;
  }

  void take(const Outcome& outcome, OutcomeBlock& block)
  {
    const bool is_pending = outcome.status == Status::pending;
    ensure(!is_pending || m_options.pending == Pending::leave_out, "every item that is merged has an outcome");
    if (!is_pending && !is_wanted(outcome.status, m_options.only)) return;
    auto* input = is_pending ? nullptr : m_writer->input();
    block.add(outcome, line_of(outcome), input ? &input->item(outcome.ordinal) : nullptr);
  }

  std::string_view line_of(const Outcome& outcome)
  {
    if (outcome.status == Status::pending || !m_writer->reads_line(outcome)) return {};
    const auto line = m_walk.line();
    ensure(!line.empty(), "an outcome file holds answer lines");
    return line;
  }

  /// Records, with what stands before the first of them.
  void hand_over(std::string_view records)
  {
    if (!m_head.empty()) m_sink(std::exchange(m_head, {}));
    if (!records.empty()) m_sink(records);
  }

  void add(const Merged& made)
  {
    m_merged.written += made.written;
    m_merged.succeeded += made.succeeded;
    m_merged.failed += made.failed;
  }

  /// Tells of items from `begin` to before `end`.
  void report(Ordinal begin, Ordinal end) const
  {
    if (!m_on_merged) return;
    const auto first = (begin / items_between_reports + 1) * items_between_reports;
    for (auto done = first; done <= end; done += items_between_reports)
      m_on_merged(done, m_items);
  }

  std::uint64_t m_items;
  const MergeOptions& m_options;
  const Sink& m_sink;
  const OnMerged& m_on_merged;
  std::unique_ptr<RecordWriter> m_writer;
  std::string m_head = {}; // until it was handed over

  // Of the worker that takes.
  Ordinal m_next;
  std::uint64_t m_end;
  Walk m_walk;
  bool m_is_broken = false;

  Merged m_merged = {}; // of the worker that hands over
};

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
  return Merging{job, files, options, sink, on_merged}.run();
}

} // namespace batchwright::results
