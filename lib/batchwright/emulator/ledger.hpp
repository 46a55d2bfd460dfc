// The book that judges the client: what arrived here, what was run, what was billed, what was bought twice.
//
// In: every call, every request that is met, run or billed. Out: totals, and rows of counts. Memory is about 120 bytes
// a request, and 60 an input of those that hold several, for a digest and counters; the names of the rows are on disk.
// Never: decides anything.
//
// There are two tallies of requests, since a request has a custom_id on one route only, and one of inputs, since a
// request that is packed anew (halved, say) is another request with the same inputs.
//
// Items: a custom_id (decoded) with the bytes of its body, on the batch route. A retried item is the same item.
//   distinct_items                items that a batch ran, or left undone at its end
//   executed_twice, billed_twice  items that ran, or were billed, more than once
//   executed_again_after_success  items that ran again in a batch after they had been billed in one
//
// Bodies: the bytes of the body (identity.hpp) on both routes together, so that what ran in a batch is known again when
// it comes in real time. Two lines of an input that make the same body are two copies of it; right is an answer for
// each copy. The copies of a body are the custom_ids it was seen with in batches, at least `copies` of the faults (1);
// a test whose input holds equal lines must say there how many, as nothing in a real-time call tells a copy from a
// resend.
//   distinct_bodies
//   requests_executed, requests_billed   executions on both routes, and those the client pays for
//   answers_delivered                    those billed, but for the cut ones (live_cut): where all went well, the items
//                                        of the input
//   answers_beyond_copies                those delivered beyond the copies of their bodies: bought twice, by whatever
//                                        route. 0 unless the client is at fault
//   live_executed, live_billed           executions in real time, and those of them that were billed
//   live_cut                             those billed whose answer a rule kept from the client (anything but a delay
//                                        or a drip, after the effect), or whose client had gone before it: it may
//                                        rightly send them again, and pays twice
//   live_again_after_answer              executions in real time that began when every copy of the body had been
//                                        answered, by a batch or in real time. 0 unless the client is at fault
//   batch_executed, batch_billed         the same on the batch route
//   batch_again_after_answer             executions in batches that began when every copy of the body had been
//                                        answered. 0 unless the client is at fault, or sent it again on purpose
//   executed_on_both_routes              bodies that ran in a batch and in real time; right where the batch failed them
//   billed_on_both_routes                bodies billed by a batch and in real time; right for copies only
//
// Real-time calls, run or not:
//   live_calls                           those that came
//   live_answers[]                       status, answers: how many of them were answered so, by the API or by a rule
//   live_unheard                         those that were given no whole answer: cut by a rule (calls[].unanswered), or
//                                        their client had gone. Of these the client cannot know whether it pays; what
//                                        it pays for among them is live_cut, but for answers a rule spoilt
//   live_refused_requests, live_refused_tokens, live_refused_too_large, live_refused_flex
//                                        those answered 429 by the limits, and for want of flex resources
//   peak_live                            how many were in flight at once: from their arrival, delays by rules among
//                                        it, until their answer begins, or it is settled that there is none. One whose
//                                        client has left counts until its answer is due. peak_chats: the same of those
//                                        that no rule struck before the effect
//   live_minutes[]                       minute (since 1970, by the server's clock), calls, admitted, tokens (charged
//   to
//                                        those admitted), answered_429: none where nothing happened
//
// Inputs: what requests to embeddings and moderations hold, one or many, each known by the endpoint, the model and its
// text (identity.hpp), whichever request it stands in and by whatever route. Other endpoints' requests are not in this
// tally. An input shares the fate of its request: it is executed, billed and delivered with it. Its copies are `copies`
// of the faults; a test whose input holds equal texts must say there how many.
//   distinct_inputs
//   inputs_executed, inputs_billed       how often inputs were worked on, and how often the client pays for one
//   inputs_delivered                     those billed, but for those whose answer was cut: where all went well, the
//                                        items of the input that were not refused
//   inputs_beyond_copies                 those delivered beyond the copies of their text: bought twice. 0 unless the
//                                        client is at fault
//
// Batches and files:
//   uploads, files[]               id, filename, purpose, bytes, sha256, answered (the client was told of it), deleted
//   batches_created, batches[]     id, input_file_id, metadata, status, requests, executed, completed, failed,
//                                  input_tokens, answered (the client was told of its creation), created_at, ended_at
//   batches_cancelled              those that ended as cancelled
//   cancels_asked                  calls of cancel, whatever came of them
//   refused_for_room               batches that found no room among the enqueued tokens or requests: failed for it, or
//                                  refused when they were to be created (`no_room` of the faults)
//   peak_live_batches              how many batches there were at once that had not ended
//   peak_live_batches_per_file     the same of one input file: 2 means twins. 1 unless the client is at fault
//   peak_live_batches_per_content  the same of input files with the same bytes, which is what a part is that was
//                                  uploaded twice. 1 unless the client is at fault, or its input holds equal parts
//   most_batches_per_file          how many were created of one input file, one after the other or at once: refused for
//                                  room, a batch may rightly be created again with its file
//   most_batches_per_content       the same of input files with the same bytes
//   most_batches_per_call          how many were created with one `bw_call` in their metadata: 1 unless the client sent
//                                  a call twice. 0 where none has one
//   foreign_batches_cancelled      batches of strangers (`foreign_batches` of the faults, in no other total here) that
//                                  the client cancelled. 0 unless it is at fault
//
// Beside them: peak_connections, peak_uploads, peak_downloads, peak_chats (how many at once), and calls[] (method,
// route, calls, unanswered: those cut on purpose, with no answer whole by its length). Rows, on demand:
//   items[]    custom_id, body_sha256, met, executed, billed
//   bodies[]   body_sha256, met, custom_ids, batch_executed, batch_billed, live_executed, live_billed, live_cut,
//              live_again_after_answer, batch_again_after_answer
//   inputs[]   input_sha256, executed, billed, cut
//
// What was billed is told by the usage endpoints, too, from the same book: usage_book.hpp.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/named_rows.hpp>
#include <batchwright/emulator/refusal.hpp>
#include <batchwright/emulator/usage_book.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

/// What is counted while it goes on.
enum class Activity : std::uint8_t {
  connection,
  upload,   ///< POST /v1/files
  download, ///< GET /v1/files/{id}/content
  chat,     ///< a real-time call to an endpoint of models, whichever it is
  live,     ///< the same as the client sees it, with what rules do to it
};

/// Whether the client was given the answer to a real-time call.
enum class Delivery : std::uint8_t {
  whole,
  cut,
};

class Ledger {
public:
  /// A request in the book.
  struct Entry {
    std::optional<std::uint32_t> item = {}; ///< its row; none in real time
    std::uint32_t body = 0;                 ///< the row of its body
    std::string body_sha256 = {};
    std::int64_t met = 0; ///< how often its body was given to the server before this time, on either route
  };
  /// What became of a request that the model worked on.
  struct Run {
    bool billed = false;
    Delivery delivery = Delivery::whole;
    std::vector<std::string> inputs = {}; ///< the digest of each, where it may hold several
    Billed usage = {};                    ///< what is billed, where it is
  };

  /// Keeps names of rows in `DIRECTORY/ledger-items.jsonl`, `ledger-bodies.jsonl` and `ledger-inputs.jsonl`; `copies`
  /// as in the faults.
  Ledger(const std::filesystem::path& directory, std::int64_t copies);

  /// Other `copies` from now on.
  void set_copies(std::int64_t copies);

  /// Notes that a batch came to a request.
  Entry meet(const json::Value& custom_id, const json::Value& body);
  /// Notes that a request came in real time.
  Entry meet(const json::Value& body);
  /// Notes that a batch ended without coming to this request.
  void leave(const json::Value& custom_id, const json::Value& body);
  /// Notes that the model worked on it.
  void ran(const Entry& entry, const Run& run);
  /// Takes back that the client heard the answer to a real-time call that ran, and was delivered whole.
  void lost(const Entry& entry, const Run& run);
  /// Notes that a real-time call asked for flex, and tells how often its body has, with this time.
  std::int64_t ask_flex(const json::Value& body);
  void live_called(Instant now);
  void live_admitted(Instant now, std::int64_t tokens);
  void live_refused(Refusal why);
  void live_answered(Instant now, int status);
  void live_unheard();

  void called(const std::string& method, const std::string& route, bool answered);

  void begin(Activity activity);
  void end(Activity activity);

  /// What a usage endpoint answers (usage_book.hpp).
  Reply usage_page(const Call& call, const std::string& kind, Instant now) const;

  /// The members `distinct_items` ... `calls` of an open object.
  void write_totals(json::Writer& w) const;
  /// The members `items`, `bodies` and `inputs`. Calls `spill` now and then, which may take what was written so far:
  /// the rows of a large job are a text larger than memory should hold.
  void write_rows(json::Writer& w, const std::function<void()>& spill) const;

private:
  struct ItemCounts {
    std::uint32_t met = 0;
    std::uint32_t executed = 0;
    std::uint32_t billed : 31 = 0;
    std::uint32_t after_success : 1 = 0; // executed once more after it had been billed
  };
  struct BodyCounts {
    std::uint32_t met = 0;
    std::uint32_t custom_ids = 0;
    std::uint32_t custom_ids_billed = 0;
    std::uint32_t batch_executed = 0;
    std::uint32_t batch_billed = 0;
    std::uint32_t live_executed = 0;
    std::uint32_t live_billed = 0;
    std::uint32_t live_cut = 0;
    std::uint32_t live_again = 0;
    std::uint32_t batch_again = 0;
    std::uint32_t flex_asked = 0;

    std::int64_t delivered() const { return std::int64_t{batch_billed} + live_billed - live_cut; }
  };
  struct InputCounts {
    std::uint32_t executed = 0;
    std::uint32_t billed = 0;
    std::uint32_t cut = 0;

    std::int64_t delivered() const { return std::int64_t{billed} - cut; }
  };
  struct Calls {
    std::int64_t calls = 0;
    std::int64_t unanswered = 0;
  };
  struct Minute {
    std::int64_t calls = 0;
    std::int64_t admitted = 0;
    std::int64_t tokens = 0;
    std::int64_t answered_429 = 0;
  };
  struct Live {
    std::int64_t calls = 0;
    std::int64_t unheard = 0;
    std::map<int, std::int64_t> answers = {}; // by status
    std::map<Refusal, std::int64_t> refused = {};
    std::map<std::int64_t, Minute> minutes = {};

    Minute& minute_of(Instant t);
  };
  struct Gauge {
    std::int64_t now = 0;
    std::int64_t peak = 0;
  };

  Entry place(const json::Value* custom_id, const json::Value& body);
  void ran_in_batch(ItemCounts& item, BodyCounts& body, bool billed);
  void ran_live(BodyCounts& body, bool billed, Delivery delivery);
  bool all_answered(const BodyCounts& body) const;
  void ran_input(const std::string& input_sha256, bool billed, Delivery delivery);
  std::int64_t copies_of(const BodyCounts& body) const;
  void write_item_totals(json::Writer& w) const;
  void write_body_totals(json::Writer& w) const;
  void write_input_totals(json::Writer& w) const;
  void write_live_totals(json::Writer& w) const;
  void write_live_rows(json::Writer& w) const;

  mutable std::mutex m_mutex; // of all below
  std::int64_t m_copies;
  mutable NamedRows<ItemCounts> m_items;
  mutable NamedRows<BodyCounts> m_bodies;
  mutable NamedRows<InputCounts> m_inputs;
  std::map<std::pair<std::string, std::string>, Calls> m_calls = {};
  std::map<Activity, Gauge> m_gauges = {};
  Live m_live = {};
  UsageBook m_usage = {};
};

/// An activity for the length of a scope.
class Ongoing {
public:
  Ongoing(Ledger& ledger, Activity activity) : m_ledger(ledger), m_activity(activity) { m_ledger.begin(m_activity); }
  Ongoing(const Ongoing&) = delete;
  Ongoing& operator=(const Ongoing&) = delete;
  ~Ongoing() { m_ledger.end(m_activity); }

private:
  Ledger& m_ledger;
  Activity m_activity;
};

/// A real-time call, from its arrival until its answer begins; unheard where there is none.
class LiveCall {
public:
  LiveCall(Ledger& ledger, const Clock& clock) : m_ledger(ledger), m_clock(clock), m_ongoing(ledger, Activity::live)
  {
    m_ledger.live_called(m_clock.now());
  }
  LiveCall(const LiveCall&) = delete;
  LiveCall& operator=(const LiveCall&) = delete;
  ~LiveCall()
  {
    if (!m_answered) m_ledger.live_unheard();
  }

  void answered(int status)
  {
    m_answered = true;
    m_ledger.live_answered(m_clock.now(), status);
  }

private:
  Ledger& m_ledger;
  const Clock& m_clock;
  Ongoing m_ongoing;
  bool m_answered = false;
};

} // namespace batchwright::emulator
