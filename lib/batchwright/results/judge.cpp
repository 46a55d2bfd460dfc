// Outcomes under another policy: which answers that cannot be used count as succeeded all the same.

#include <batchwright/base/error.hpp>
#include <batchwright/results/outcome_file.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/wire/answer.hpp>

#include <algorithm>

namespace batchwright::results {
namespace {

/// Whether the policy has a say in it: a refusal may have the same code, but was not paid for.
bool is_acceptable(const Outcome& outcome)
{
  const auto& codes = wire::acceptable_codes;
  return outcome.paid && std::find(codes.begin(), codes.end(), outcome.code) != codes.end();
}

} // namespace

Settlement judge_again(const std::filesystem::path& from, const std::filesystem::path& to, const Settlement& sums,
                       const Policy& policy)
{
  auto judged = sums;
  judged.succeeded = judged.failed = 0;
  AnswerMemory none{0};
  OutcomeReader outcomes{from, none};
  OutcomeWriter file{to, outcomes.answer_files()};
  while (auto* outcome = outcomes.next()) {
    if (is_acceptable(*outcome)) outcome->status = accepts(policy, outcome->code) ? Status::succeeded : Status::failed;
    ++(outcome->status == Status::succeeded ? judged.succeeded : judged.failed);
    file.add(outcome->ordinal, outcome->status, outcome->code, outcome->paid, outcome->answer);
  }
  ensure(judged.succeeded + judged.failed == sums.succeeded + sums.failed, "an outcome file holds the part's outcomes");
  file.commit();
  return judged;
}

} // namespace batchwright::results
