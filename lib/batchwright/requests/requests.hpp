// Items and a template become request lines, and request lines become parts within the limits.
// Comes in: a stream of items. Goes out: a plan (which items make which part), and, ahead of need, a part's file.
// The same items and options give the same bytes each time; nothing here sends anything or knows the store.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/model/caching.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::requests {

/// Where in a request line the items' own texts stand, as offsets from the line's begin: JSON, or the inside of a JSON
/// string.
struct LineTexts {
  struct Span {
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  std::vector<Span> filled = {}; ///< in their order: a system message before the prompt
  Span body = {};                ///< of the request, as a JSON object
};

/// Makes request lines. Compiled once from the job's options; const calls are safe from many threads.
///
/// In templates `{{column}}` is the item's field: of the column named so with all its spaces, else of the one named so
/// without those around it, else what the column's JSON holds at the end of a path, `{{meta.author.0}}`. Behind a bar
/// stands what is to be done to the text: `{{text|head 2000}}`, `tail N` (characters), `trim`. `{{{{` is a literal
/// `{{`; single braces and `}}` outside are text. A JSON string goes in as its own characters, numbers and booleans as
/// they stand, null as nothing, lists and objects as their JSON text.
///
/// Where the job packs items (`inputs_per_request` above 1), requests have custom_ids of ours whatever the id column.
class LineMaker {
public:
  /// Throws `Fault::usage` for a template that cannot be read (an unclosed `{{`), a `--set` value, body or schema that
  /// is not JSON, and for options that do not go together or that the endpoint does not take.
  explicit LineMaker(const RequestSpec& spec);
  LineMaker(LineMaker&&) noexcept;
  LineMaker& operator=(LineMaker&&) noexcept;
  ~LineMaker();

  /// Appends the line of a request for one item, newline included, and says where its texts are. Throws `Fault::input`
  /// with the item's place where a `{{column}}` is unknown (the known ones are listed), where the id column is, or
  /// where a value cannot stand there: an id is a text that is not empty, or a number.
  void append(std::string& out, const input::Item& item, LineTexts& texts) const;

  /// Appends an item's input as a JSON string. Throws as append().
  void append_input(std::string& out, const input::Item& item) const;
  /// Appends the line of a request for several inputs, with commas between them. REQUIRED: the endpoint packs.
  void append_pack(std::string& out, std::string_view custom_id, std::string_view inputs, LineTexts& texts) const;

  /// The custom_id of an item, decoded: by the id column, where there is one, in packs too. Throws as append().
  std::string custom_id(const input::Item& item) const;

  /// Our estimate of what the job's options put into every request for the model to read: tools, a schema, texts.
  /// Numbers and switches are not.
  Tokens constant_tokens() const;

private:
  struct Pieces;
  std::unique_ptr<Pieces> m_pieces;
};

/// What follows from a job's template and endpoint: chat where none is named; a body template names the model where
/// --model does not; items are packed only where the endpoint and the template allow it. Throws as LineMaker.
void complete(RequestSpec& spec);

/// How far the reading of the input is: bytes read of bytes in all (0: not known), items so far.
using OnRead = std::function<void(std::uint64_t bytes, std::uint64_t total, std::uint64_t items)>;

/// How many items are tried before the others.
struct ProbeAsk {
  std::uint64_t items = 0;                ///< 0: none; all, where there are no more
  std::uint64_t above = 0;                ///< only where more items than so many are sent
  std::optional<std::uint64_t> sent = {}; ///< how many are sent, where that is known
};

/// What a job's input comes to.
struct Plan {
  std::vector<Part> parts = {}; ///< numbered from 1, planned, attempt 1, each a contiguous range with its mark
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;                         ///< of all request lines
  Tokens input_tokens = {};                        ///< our estimate
  std::map<std::string, SharedPrompt> shared = {}; ///< what prompts have in common, where any were looked at, by model
  std::set<std::string> tiers = {};                ///< service tiers that ready-made requests name
  std::vector<std::vector<std::string>> columns = {}; ///< of each input, as PinnedInput::columns
  std::vector<std::uint64_t> urgent = {};             ///< for how many items each condition of Job::urgent holds
  std::vector<Ordinal> probe = {};                    ///< those that are tried first, as Job::probe keeps them
  std::vector<Error> skipped = {};                    ///< records that were put aside, the first hundred
  std::uint64_t skipped_count = 0;
};

/// Reads all of the input once, makes every line, checks it, and cuts parts. Items that are `unsent`, ascending, are
/// counted, and are in no part. Parts of ready-made requests have one
/// file, one model and one endpoint each, and hold those lines of their range that have them. Items that are tried
/// first stand spread over the input, the same ones each time, in requests and parts of their own; images and videos,
/// which cost much, are none of them. Memory: one line, and 16 bytes an item where the user named an id column. Throws
/// `Fault::input` for any bad record, an id twice (both places named), a request above the limits, no item at all (but
/// where that is allowed); `Fault::usage` as LineMaker.
Plan plan(const Job& job, const OnRead& on_read = {}, input::Empty empty = input::Empty::refuse, ProbeAsk probe = {},
          std::span<const Ordinal> unsent = {});

/// Where the list of a part, by its number, is written.
using PlaceOfList = std::function<std::filesystem::path(int number)>;

/// Cuts the items of a list into parts within the limits, each with a list of its own, written durably. What they have
/// in common is `like`'s: state, attempt, model, endpoint, overrides, size of packs; its number is the first one's, its
/// items are those of the list, and its mark stands at or before the first of them. Makes every line; throws as
/// build(), and as plan() for one that no part may hold.
std::vector<Part> cut(const Job& job, const Part& like, const std::filesystem::path& list, const PlaceOfList& place);

/// What was built.
struct Built {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  std::string sha256 = {};
  Tokens input_tokens = {}; ///< our estimate, of a part that holds a list; of ranges it is known since the plan
};

/// Where a part's files stand.
struct PartFiles {
  std::filesystem::path unsent = {};   ///< the job's items that are in no request; no such file: there is none
  std::filesystem::path ordinals = {}; ///< its list, where it is listed; written for a part of ready-made requests
  std::filesystem::path requests = {}; ///< written
  std::filesystem::path digests = {};  ///< written unless it is empty: what each item asks (digest.hpp), in their order
  std::filesystem::path ids = {};      ///< written where packs hide the user's ids or lines are ready-made: one JSON
                                       ///< string a line, in order
};

/// Writes the request file of a part, durably. Throws `Fault::input` when the input is not the pinned one any more (the
/// caller checks digests; here the number of items and bytes tell).
Built build(const Job& job, const Part& part, const PartFiles& files);

} // namespace batchwright::requests
