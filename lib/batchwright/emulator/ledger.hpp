// The book that judges the client: what arrived here, what was run, what was billed.
//
// In: every call, every item that is met, run or billed. Out: totals, and the counts of each item. An item is a
// custom_id with the bytes of its body; a real-time call has no custom_id and is counted under its body alone.
// Memory is about 50 bytes an item: a digest and counters; the custom_ids are on disk. Never: decides anything.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

/// What is counted while it goes on.
enum class Activity : std::uint8_t {
  connection,
  upload,   ///< POST /v1/files
  download, ///< GET /v1/files/{id}/content
  chat,     ///< POST /v1/chat/completions
};

class Ledger {
public:
  /// An item's row in the book.
  struct Item {
    std::uint32_t row = 0;
    std::int64_t met = 0; ///< how often it was given to the server before this time
  };

  /// Keeps custom_ids in `DIRECTORY/ledger-items.jsonl`.
  explicit Ledger(const std::filesystem::path& directory);

  /// Notes that an item was given to the server, and how often before. `custom_id` as its JSON text, quotes included.
  Item meet(std::string_view custom_id, std::string_view body);
  /// Notes that the model worked on it.
  void ran(const Item& item, bool billed);
  void called(const std::string& method, const std::string& route, bool answered);

  void begin(Activity activity);
  void end(Activity activity);

  /// The members `requests_executed` ... `calls` of an open object.
  void write_totals(json::Writer& w) const;
  /// The member `items`, a row for each.
  void write_items(json::Writer& w) const;

private:
  struct Entry {
    std::uint64_t high = 0; // of the item's digest
    std::uint64_t low = 0;
    std::uint32_t met = 0;
    std::uint32_t executed = 0;
    std::uint32_t billed = 0;
    bool after_success = false; // executed once more after it had been billed
  };
  struct Calls {
    std::int64_t calls = 0;
    std::int64_t unanswered = 0;
  };
  struct Gauge {
    std::int64_t now = 0;
    std::int64_t peak = 0;
  };

  std::uint32_t row_of(std::uint64_t high, std::uint64_t low);
  void grow();

  mutable std::mutex m_mutex;
  std::filesystem::path m_names_path;
  mutable std::ofstream m_names;
  std::vector<Entry> m_entries = {};
  std::vector<std::uint32_t> m_table; // open addressing: row + 1, or 0
  std::map<std::pair<std::string, std::string>, Calls> m_calls = {};
  std::map<Activity, Gauge> m_gauges = {};
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

} // namespace batchwright::emulator
