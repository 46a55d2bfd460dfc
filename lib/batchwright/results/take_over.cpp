#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/results/outcome_file.hpp>
#include <batchwright/results/take_over.hpp>
#include <batchwright/wire/answer.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

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

/// The lines that outcomes of many files tell of. Few files are open at once.
class Answers {
public:
  explicit Answers(const std::vector<std::filesystem::path>& outcomes) : m_outcomes(outcomes) {}

  std::string_view line(std::size_t source, std::string_view answer)
  {
    if (m_open.size() == most_open && !m_open.contains(source)) m_open.clear();
    const auto [reader, fresh] = m_open.try_emplace(source);
    if (fresh) reader->second = std::make_unique<OutcomeReader>(m_outcomes[source], m_none);
    return reader->second->line(answer);
  }

private:
  static constexpr std::size_t most_open = 16;

  const std::vector<std::filesystem::path>& m_outcomes;
  AnswerMemory m_none{0};
  std::map<std::size_t, std::unique_ptr<OutcomeReader>> m_open = {};
};

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
  if (outcome.code.empty()) return outcome.status == Status::succeeded;
  return outcome.paid && accepts(policy, outcome.code);
}

Settlement take_over(const Part& part, const TakeOverFiles& files, const LinesToTake& from, const Policy& policy)
{
  ensure(from.lines.size() == part.items, "each item that takes an outcome over has one to take");
  input::Ordinals ordinals{part, files.ordinals};
  Ids ids{files.ids};
  OutcomeWriter file{files.outcomes};
  Answers answers{from.sources};
  Settlement sums;
  json::Document document;
  std::string decoded;
  gather(from.sources, from.lines, files.outcomes.parent_path(), gather_memory,
         [&](std::size_t index, std::string_view line) {
           const auto& place = from.lines[index];
           const auto outcome = parse_outcome(line, decoded);
           if (!outcome) throw no_outcome(from.sources[place.source], place.offset);
           const auto ordinal = ordinals.next();
           ensure(ordinal.has_value(), "a part's list has all of its items");
           ensure(document.parse(answers.line(place.source, outcome->answer)), "an outcome file tells answer lines");
           const auto status = is_good(*outcome, policy) ? Status::succeeded : outcome->status;
           file.add(*ordinal, status, outcome->code, outcome->paid,
                    wire::with_custom_id(document.root(), ids.next(*ordinal)));
           ++(status == Status::succeeded ? sums.succeeded : sums.failed);
           if (status == Status::failed && outcome->code == wire::code_cancelled) ++sums.cancelled;
         });
  file.commit();
  return sums;
}

} // namespace batchwright::results
