// What came back becomes outcomes, and outcomes become the merged result.
//
// Settling is a pure function of a part's downloaded files: done again after a crash it gives the same bytes. It is the
// only code that decides outcomes, for both routes. Merging is a walk over sorted outcome files. Memory grows with
// neither the number of items nor the size of a file. Nothing here knows the store or the network.
#pragma once

#include <batchwright/model/experience.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/outcome.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/model/spending.hpp>
#include <batchwright/money/prices.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {

// --- settling --------------------------------------------------------------------------------------------------------

/// Where a part's files stand. A path that is empty or names no file counts as "the server gave none".
struct SettleFiles {
  std::filesystem::path output = {}; ///< as it came; of a real-time part, its journal
  std::filesystem::path errors = {}; ///< as it came
  std::filesystem::path batch = {};  ///< the batch object as it came, where it failed as a whole; else empty
  std::filesystem::path requests =
      {}; ///< the part's request file; read only where ids are the user's, or where requests of several items were in
          ///< flight in real time and items without an answer fail; then it must be there
  std::filesystem::path ids = {};         ///< the user's ids, where packs hide them or lines are ready-made; else empty
  std::filesystem::path ordinals = {};    ///< the part's list of ordinals, where it is listed
  std::filesystem::path outcomes = {};    ///< written: sorted, one line an outcome
  std::filesystem::path left = {};        ///< written where items are left that used up an attempt: their ordinals
  std::filesystem::path left_free = {};   ///< the same for items whose attempt does not count
  std::filesystem::path left_halved = {}; ///< the same for items of packs that were refused
  std::filesystem::path quarantine = {};  ///< written where lines were not used: each with its reason
};

/// What the user's wish to cancel makes of items of which nothing final is said.
enum class Cancelled : std::uint8_t {
  no,        ///< there is no such wish: they are left for another attempt, or fail, as the policy has it
  unsent,    ///< they fail: the server never had a batch of them
  at_server, ///< they fail: their batch ended without them
  abandoned, ///< they fail for now, as paid: their batch may still run them
  no_room,   ///< no wish of the user's: they fail, since the server will never have room for them
};

/// Lines of a part's files, blank ones and marks of a journal not counted.
struct Lines {
  std::uint64_t output = 0;
  std::uint64_t errors = 0;
  std::uint64_t unreadable = 0; ///< of both
};

/// What the files must hold, or the settling is put off: another download may bring more.
struct Demand {
  std::uint64_t output = 0; ///< lines at least
  std::uint64_t errors = 0; ///< lines at least
  bool readable = false;    ///< all of them

  bool is_met_by(const Lines& lines) const
  {
    return lines.output >= output && lines.errors >= errors && (!readable || lines.unreadable == 0);
  }
};

/// What else decides.
struct SettleContext {
  bool user_ids = false; ///< the requests' custom_ids are the user's, not `bw-...`
  std::string endpoint = {};
  Cancelled cancelled = Cancelled::no;
  std::optional<money::ModelPrices> prices = {}; ///< nothing: not known
  Instant day = {};                              ///< of answers that do not tell when they were made
  std::string schema = {};                       ///< that successful answers must keep to; empty: none
  Policy policy = {};                            ///< of the job: attempts, fallback, what is accepted
  Demand demand = {};                            ///< not met: nothing is settled
  std::vector<Ordinal> elsewhere = {}; ///< ascending: items that other parts hold by now; they are left to those
  bool lost = false; ///< the server no longer holds a file of the part's: items without a line fail, as paid
};

/// Items that live on in a child part.
struct Left {
  std::uint64_t count = 0;
  Ordinal first = 0;
  Ordinal last = 0;
};

struct Settled {
  bool put_off = false; ///< the demand was not met, nothing was written, and only `lines` is set
  Lines lines = {};
  Settlement sums = {};
  std::uint64_t answered = 0;          ///< requests whose answer told its usage
  Outputs outputs = {};                ///< of those, how long they were
  std::vector<Spending> spending = {}; ///< the same money by day and tier, sorted so
  Left left = {};                      ///< they used up an attempt
  Left left_free = {};                 ///< they did not
  Left left_halved = {};               ///< they were refused together with others, and go on in smaller packs
  std::uint64_t largest_refused = 0;   ///< items of the largest pack that was refused
  std::uint64_t failed_for_good = 0;   ///< of those that failed, the ones that were refused for good, or are unusable
  std::uint64_t missing = 0;           ///< items no line spoke of, though a batch ran
  std::uint64_t quarantined = 0;       ///< lines that were not used
  Pause obstacle = Pause::none;        ///< `quota` or `auth`: what refused items would refuse all of the account's
};

/// Reads both files, gives every item of the part an outcome or puts it on the list of what is left, and writes both,
/// durably. Succeeded + failed + left = items of the part, checked. Items that are elsewhere count as left, and stand
/// on no list. Duplicates: the first success wins, else the first line. Ids that are not the part's, and unreadable
/// lines, are quarantined; an unreadable line whose custom_id can be salvaged fails its item with `unreadable_output`,
/// others fail the part's missing items with it. Where a file is lost, the missing items fail with `lost_remote`. A
/// batch that failed as a whole says by its errors what becomes of items without a line: lines it names fail with the
/// server's words and the rest is a free retry, its own faults are transient, all else is permanent. A 403 is
/// permanent, unless every answer of the part is one. An unusable answer of a code that the policy accepts counts as
/// succeeded. A transient outcome is left while attempts remain (part.attempt < max_attempts) and the fallback is not
/// `none`; a free retry is left always (but for fallback `none`); where the job is cancelled, both fail with
/// `cancelled`. Lists of what is left and quarantine files of an earlier settling that have nothing to hold any more
/// are removed. An answer that does not keep to the schema fails with `schema_violation`. A pack gives each of its
/// items an answer line of its own, with its share of the usage. One that was refused with 400, 413 or 422 says nothing
/// of its items: they are left for smaller packs, until the bad one stands alone.
///
/// The output file of a real-time part is its journal. An answer in it is the last word on its item: the part made all
/// attempts itself, so that a transient one fails, but in a part that tries items first. Items without an answer are a
/// free retry. Where they fail (the job is cancelled, or there is no fallback) although a request of theirs was sent
/// and may have been billed, they count as paid, and the message says so.
///
/// Throws `Fault::storage`; `Fault::bug` where files are not this part's.
Settled settle(const Part& part, const SettleFiles& files, const SettleContext& context);

/// The outcomes of a settled part under another policy of what is accepted: writes them to another file, durably, and
/// returns the sums with the new counts. Done again, it gives the same bytes. Throws `Fault::storage`, `Fault::disk`.
Settlement judge_again(const std::filesystem::path& from, const std::filesystem::path& to, const Settlement& sums,
                       const Policy& policy);

// --- merging ---------------------------------------------------------------------------------------------------------

/// One settled part's outcomes.
struct OutcomeFile {
  std::filesystem::path path = {};
  Ordinal first = 0;
  Ordinal last = 0;
  Route route = Route::batch;
  int attempt = 1;                               ///< of the part; answers in real time tell theirs by their ids
  std::string endpoint = {};                     ///< what its requests asked: answers have its shape
  std::string model = {};                        ///< where an answer does not tell it
  std::optional<money::ModelPrices> prices = {}; ///< of that model; nothing: not known
  int part = 0;                                  ///< whose it is
};

/// One item's outcome as it stands in an outcome file; views are valid until the walk moves on, what `from` points to
/// for as long as the walk is there.
struct Outcome {
  Ordinal ordinal = 0;
  Status status = Status::pending;
  std::string_view code = {}; ///< why it failed, or, where it succeeded, would have but that the user accepts it
  bool paid = false;
  const OutcomeFile* from = nullptr; ///< null while pending
  std::string_view answer = {};      ///< the answer line, without newline; empty while pending, or not looked for
};

/// All items of a job in input order, those without an outcome as pending. Opens a file when its first ordinal is
/// reached and closes it after its last. Throws `Fault::bug` where two files hold one item.
class Walk {
public:
  /// From `first` to before `end`. REQUIRED: the files hold no other items.
  Walk(std::vector<OutcomeFile> files, std::uint64_t end, Ordinal first = 0);
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;
  ~Walk();
  /// The next item, its answer not looked for; null behind the last.
  const Outcome* next();
  /// The answer line of the item that next() gave, empty where it is pending; valid until the next call of either.
  std::string_view line();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

// Stored in the job database: add at the end, never renumber.
enum class Format : std::uint8_t {
  jsonl = 0,
  csv = 1,
  raw = 2, ///< the untouched result lines
  npy = 3, ///< vectors as a matrix of float32 in NumPy's format
  ids = 4, ///< what the rows of such a matrix are, as JSON lines
  tsv = 5, ///< as csv, with tabs
};

/// "jsonl", "csv", "tsv", "raw", "npy"; nothing for other words.
std::optional<Format> format_named(std::string_view word);

/// The format a file name asks for: .csv, .tsv, .npy, in letters of any case and also with .gz or .zst behind them, all
/// else JSON lines. Throws `Fault::usage` for names of formats that this version does not write (.parquet and others).
Format format_for(const std::filesystem::path& out);

/// Which items are written.
enum class Only : std::uint8_t {
  all,
  succeeded,
  failed
};

/// What of each item is written, by jsonl, csv and tsv.
struct Choice {
  std::vector<std::string> fields = {}; ///< as `--fields` names them; empty: the whole record, in tables the input's
                                        ///< columns with output, status and error
  bool input = false;                   ///< also the item's own record, as `input`; tables have its columns anyway
  bool response = false;                ///< also what the server said, whole, as `response`

  bool is_usual() const { return fields.empty() && !input && !response; }
};

enum class Pending : std::uint8_t {
  leave_out, ///< what is not there yet is not written (`--partial`)
  refuse,    ///< a pending item is a bug: the caller checked that there is none
};

struct Merged {
  std::uint64_t written = 0; ///< records, of raw: lines
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
};

/// Takes the bytes of the result, in order; called on threads of merge()'s, by one at a time.
using Sink = std::function<void(std::string_view)>;
/// Told of items that were handed over, likewise.
using OnMerged = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Which lines `raw` gives: the API keeps those of requests it answered apart from those of others.
enum class RawLines : std::uint8_t {
  all,
  answered, ///< with a 2xx status, as an output file has them
  refused   ///< all others, as an error file has them
};

struct MergeOptions {
  Format format = Format::jsonl;
  Pending pending = Pending::refuse;
  Only only = Only::all; ///< not of npy and ids, whose rows are the job's items
  Choice choice = {};
  RawLines lines = RawLines::all;   ///< of `raw`
  Ordinal first = 0;                ///< the first item that is written
  std::optional<Ordinal> last = {}; ///< the last; nothing: that of the job
  unsigned threads = 0;             ///< that make records; 0: one for each processor, four at most
};

/// Writes the merged result of a job. `job` gives whether ids are the user's (they stand in the answer lines) and, for
/// tables and fields of the input, the pinned inputs, which are checked first: `Fault::input` naming a changed one.
/// What needs nothing from the input does not look at it. jsonl: the merged record of the design. csv, tsv: the input's
/// columns plus `output,status,error` (`_output,_status,_error` on a clash), rows ended by LF; JSONL inputs give the
/// keys of all records in the order in which they first appear, and more than 5,000 of them are `Fault::input`. raw:
/// the untouched answer lines; where the server gave none, the line of ours that says so. Whatever is thrown, for an
/// item or by the sink, nothing that comes after it in the result is handed over, and no thread outlives the call.
/// Memory: 96 MiB of answers, and for each thread a block of 256 KiB or the longest line. Throws `Fault::usage` for
/// fields that there are not, and for a choice of items or fields with a format that has none.
Merged merge(const Job& job, const std::vector<OutcomeFile>& files, const MergeOptions& options, const Sink& sink,
             const OnMerged& on_merged = {});

} // namespace batchwright::results
