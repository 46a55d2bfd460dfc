// Which line speaks for which item. Comes in: the lines of a part's output and error file. Goes out: for each item the
// place and the judgement of the line that counts. What is not used goes to the quarantine, but for the marks between
// the answers of a journal, which speak for none. Never: decides what follows from a judgement.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/outcome.hpp>
#include <batchwright/results/documents.hpp>
#include <batchwright/results/gather.hpp>
#include <batchwright/results/members.hpp>
#include <batchwright/results/quarantine.hpp>
#include <batchwright/wire/answer.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace batchwright::results {

/// What is known of one item, or of the items of a pack: then it stands at the first of them.
struct Pick {
  /// How good a line is; of two lines the better one counts, of equal ones the first.
  enum class Rank : std::uint8_t {
    none,       ///< no line spoke of it
    unreadable, ///< only its custom_id could be read: `line` is empty
    failure,
    success
  };

  Rank rank = Rank::none;
  bool is_inside = false;  ///< of a pack that begins before it: nothing else is said here
  std::uint32_t items = 1; ///< of the request
  Judgement judgement = Judgement::transient;
  wire::Obstacle obstacle = wire::Obstacle::none;
  bool paid = false;
  bool breaks_schema = false; ///< a success that does not keep to what was asked for
  std::uint32_t code = 0;     ///< for `Scan::word`
  std::uint32_t tier = 0;     ///< the service tier that answered, for `Scan::word`
  Instant made_at = {};       ///< by the answer's own word; the epoch: it does not say
  Span line = {};
  Usage usage = {};
};

class Scan {
public:
  /// `route` is the part's: only the output file of a real-time part is a journal. `schema`: what successes must keep
  /// to; empty: nothing.
  Scan(const Members& members, Route route, std::string_view endpoint, const std::string& schema,
       Quarantine& quarantine);

  /// Reads one file and returns how many lines it has, blank ones and marks not counted; 0 where there is none. Throws
  /// `Fault::storage`.
  std::uint64_t read(const std::filesystem::path& file);

  const std::vector<Pick>& picks() const noexcept { return m_picks; }
  const std::vector<std::filesystem::path>& sources() const noexcept { return m_sources; }
  /// A code or a tier.
  const std::string& word(std::uint32_t number) const { return m_words[number]; }
  /// Lines that could not be read and of which nobody knows whose they are.
  std::uint64_t nameless() const noexcept { return m_nameless; }
  /// Lines that could not be read, those included whose items are known.
  std::uint64_t unreadable() const noexcept { return m_unreadable; }

private:
  void take(Span place, std::string_view line);
  Pick* pick_for(const Members::Places& places);
  void take_answer(Span place, std::string_view line, const wire::Answer& answer);
  void take_unreadable(Span place, std::string_view line);
  void quarantine(std::string_view reason, Span place, std::string_view line, std::string_view custom_id);
  void quarantine_picked(const Pick& pick, std::string_view custom_id);
  std::uint32_t intern(const std::string& word);

  const Members& m_members;
  Route m_route;
  std::string m_endpoint;
  std::optional<Documents> m_documents = {}; // nothing: answers keep to no schema
  Quarantine& m_quarantine;
  std::vector<Pick> m_picks;
  std::vector<std::filesystem::path> m_sources = {};
  std::vector<std::string> m_words = {""}; // each once: there are few
  std::unordered_map<std::string, std::uint32_t> m_word_numbers = {{"", 0}};
  std::uint64_t m_nameless = 0;
  std::uint64_t m_unreadable = 0;
  json::Document m_document = {};
};

} // namespace batchwright::results
