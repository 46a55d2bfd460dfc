#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/results/outcome_file.hpp>
#include <batchwright/results/take_over.hpp>
#include <batchwright/wire/answer.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {
namespace {

/// The custom_ids of a part's items, in their order.
class Ids {
public:
  explicit Ids(const std::filesystem::path& users)
  {
    if (!users.empty()) m_lines.emplace(users);
  }

  std::string next(Ordinal ordinal)
  {
    if (!m_lines) return default_custom_id(ordinal);
    const auto line = m_lines->next();
    ensure(line && line->text.size() >= 2, "a part's file of ids has one for each of its items");
    return json::decode_lossy(line->text.substr(1, line->text.size() - 2));
  }

private:
  std::optional<LineReader> m_lines = {};
};

/// What is taken over of an outcome.
struct Head {
  Status status = Status::pending;
  std::string code = {};
  bool paid = false;
  Span line = {}; ///< the answer's, or of the outcome that holds it
};

/// Reads heads first, so that answers are then read front to back.
class Heads {
public:
  explicit Heads(const LinesToTake& from) : m_from(from), m_sources(from.sources), m_answers(from.sources.size()) {}

  void add(std::size_t index, std::string_view line)
  {
    const auto& place = m_from.lines[index];
    const auto outcome = parse_outcome(line, m_decoded);
    if (!outcome) throw no_outcome(m_from.sources[place.source], place.offset);
    auto at = place;
    if (const auto elsewhere = parse_place(outcome->answer)) {
      at = *elsewhere;
      at.source = source_of(place.source, elsewhere->source);
    }
    m_heads.push_back({outcome->status, std::string{outcome->code}, outcome->paid, at});
  }

  const std::vector<Head>& heads() const { return m_heads; }
  const std::vector<std::filesystem::path>& sources() const { return m_sources; }

  std::vector<Span> lines() const
  {
    std::vector<Span> lines;
    for (const auto& head : m_heads)
      lines.push_back(head.line);
    return lines;
  }

private:
  /// The number of a file that an outcome file names, behind those of the outcome files.
  std::size_t source_of(std::size_t outcomes, std::size_t number)
  {
    auto& known = m_answers[outcomes];
    if (known.empty()) {
      AnswerMemory none{0};
      const OutcomeReader reader{m_from.sources[outcomes], none};
      for (const auto& path : reader.answer_files()) {
        known.push_back(m_sources.size());
        m_sources.push_back(path);
      }
    }
    if (number >= known.size()) throw no_outcome(m_from.sources[outcomes], 0);
    return known[number];
  }

  const LinesToTake& m_from;
  std::vector<std::filesystem::path> m_sources;
  std::vector<std::vector<std::size_t>> m_answers; // of each outcome file, where `m_sources` has what it names
  std::vector<Head> m_heads = {};
  std::string m_decoded = {};
};

bool is_good(Status status, std::string_view code, bool paid, const Policy& policy)
{
  if (code.empty()) return status == Status::succeeded;
  return paid && accepts(policy, code);
}

} // namespace

void each_outcome(const std::filesystem::path& file, std::size_t source, const OnOutcome& on_outcome)
{
  AnswerMemory none{0};
  OutcomeReader outcomes{file, none};
  while (const auto* outcome = outcomes.next())
    on_outcome(*outcome, {.source = source, .offset = outcomes.place().offset, .length = outcomes.place().length});
}

bool is_good(const Outcome& outcome, const Policy& policy)
{
  return is_good(outcome.status, outcome.code, outcome.paid, policy);
}

Settlement take_over(const Part& part, const TakeOverFiles& files, const LinesToTake& from, const Policy& policy)
{
  ensure(from.lines.size() == part.items, "each item that takes an outcome over has one to take");
  const auto beside = files.outcomes.parent_path();
  Heads heads{from};
  gather(from.sources, from.lines, beside, gather_memory,
         [&](std::size_t index, std::string_view line) { heads.add(index, line); });

  input::Ordinals ordinals{part, files.ordinals};
  Ids ids{files.ids};
  OutcomeWriter file{files.outcomes};
  Settlement sums;
  json::Document document;
  std::string decoded;
  gather(heads.sources(), heads.lines(), beside, gather_memory, [&](std::size_t index, std::string_view line) {
    const auto& head = heads.heads()[index];
    const bool holds_it = head.line.source < from.sources.size();
    const auto answer = holds_it ? parse_outcome(line, decoded)->answer : line;
    const auto ordinal = ordinals.next();
    ensure(ordinal.has_value(), "a part's list has all of its items");
    if (!document.parse(answer)) throw no_outcome(heads.sources()[head.line.source], head.line.offset);
    const auto status = is_good(head.status, head.code, head.paid, policy) ? Status::succeeded : head.status;
    file.add(*ordinal, status, head.code, head.paid, wire::with_custom_id(document.root(), ids.next(*ordinal)));
    ++(status == Status::succeeded ? sums.succeeded : sums.failed);
    if (status == Status::failed && head.code == wire::code_cancelled) ++sums.cancelled;
  });
  file.commit();
  return sums;
}

} // namespace batchwright::results
