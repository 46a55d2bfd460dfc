// Outcomes under another policy: which answers that cannot be used count as succeeded all the same.

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/results/outcome_line.hpp>
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
  LineReader lines{from};
  AtomicFile file{to};
  std::string decoded;
  std::string head;
  while (const auto line = lines.next()) {
    auto outcome = parse_outcome(line->text, decoded);
    ensure(outcome.has_value(), "an outcome file holds outcome lines");
    if (is_acceptable(*outcome)) outcome->status = accepts(policy, outcome->code) ? Status::succeeded : Status::failed;
    ++(outcome->status == Status::succeeded ? judged.succeeded : judged.failed);
    head.clear();
    append_outcome_head(head, outcome->ordinal, outcome->status, outcome->code, outcome->paid);
    file.write(head);
    file.write(outcome->answer);
    file.write("\n");
  }
  ensure(judged.succeeded + judged.failed == sums.succeeded + sums.failed, "an outcome file holds the part's outcomes");
  file.commit();
  return judged;
}

} // namespace batchwright::results
