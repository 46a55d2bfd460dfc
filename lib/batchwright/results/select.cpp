#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/outcome_file.hpp>
#include <batchwright/results/record.hpp>
#include <batchwright/results/select.hpp>
#include <batchwright/wire/answer.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace batchwright::results {
namespace {

struct Condition {
  Member member = Member::error;
  std::string path = {}; ///< inside the member
  std::string value = {};
};

Condition condition_of(const std::string& text)
{
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error{Fault::usage, fmt::format("--where {}: expected FIELD=VALUE", text),
                "for example --where error.code=truncated"};
  }
  const auto field = std::string_view{text}.substr(0, equals);
  const auto point = field.find('.');
  const auto member = member_named(field.substr(0, point));
  if (!member) {
    std::vector<std::string_view> known;
    for (std::size_t i = 0; i < member_count; ++i)
      known.push_back(results::name(static_cast<Member>(i)));
    throw Error{Fault::usage, fmt::format("--where {}: a record has no member {}", text, field.substr(0, point)),
                fmt::format("there are {}, and what stands inside them, as error.code", fmt::join(known, ", "))};
  }
  return {*member, point == std::string_view::npos ? std::string{} : std::string{field.substr(point + 1)},
          text.substr(equals + 1)};
}

} // namespace

struct FailedItems::State {
  explicit State(const Job& job) : policy(job.policy), record(job) {}

  bool keeps_to(const Condition& condition)
  {
    const auto found = record.find(condition.member, condition.path);
    if (!found) return condition.value == "null";
    if (!found->starts_with('"')) return *found == condition.value;
    return json::decode_lossy(found->substr(1, found->size() - 2)) == condition.value;
  }

  Policy policy;
  Record record;
  std::vector<Condition> conditions = {};
};

FailedItems::FailedItems(const Job& job, const std::vector<std::string>& where) : m_state(std::make_unique<State>(job))
{
  for (const auto& text : where)
    m_state->conditions.push_back(condition_of(text));
}

FailedItems::~FailedItems() = default;

bool FailedItems::has(const Outcome& outcome)
{
  // What is accepted now may not have been counted so yet.
  if (outcome.status != Status::failed || (outcome.paid && accepts(m_state->policy, outcome.code))) return false;
  if (m_state->conditions.empty()) return true;
  m_state->record.take(outcome);
  return std::all_of(m_state->conditions.begin(), m_state->conditions.end(),
                     [this](const Condition& condition) { return m_state->keeps_to(condition); });
}

Settlement take_out(const OutcomeFile& from, const std::filesystem::path& to, const Settlement& sums,
                    const std::function<bool(const Outcome& outcome)>& goes)
{
  auto rest = sums;
  AnswerMemory memory{answer_memory};
  OutcomeReader outcomes{from.path, memory};
  OutcomeWriter file{to, outcomes.answer_files()};
  while (auto* outcome = outcomes.next()) {
    const auto answer = outcome->answer;
    outcome->from = &from;
    outcome->answer = outcomes.line(answer);
    if (goes(*outcome)) {
      --(outcome->status == Status::succeeded ? rest.succeeded : rest.failed);
      if (outcome->code == wire::code_cancelled && rest.cancelled > 0) --rest.cancelled;
      ++rest.left;
      continue;
    }
    file.add(outcome->ordinal, outcome->status, outcome->code, outcome->paid, answer);
  }
  file.commit();
  return rest;
}

} // namespace batchwright::results
