#include <batchwright/report/report.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace batchwright;

TEST_SUITE_BEGIN("report::reconciliation");

namespace {

ReconciledRow row(Comparison comparison, const Used& ours, const Used& provider)
{
  return {.day = from_unix(1795305600),
          .model = "gpt-5.4-mini",
          .batch = true,
          .ours = ours,
          .provider = provider,
          .comparison = comparison};
}

} // namespace

TEST_CASE("a row is an object with both sides and theirs less ours")
{
  CHECK(report::json(row(Comparison::fewer, {5, {100}, {9}}, {4, {101}, {2}})) ==
        R"({"day":"2026-11-22","model":"gpt-5.4-mini","batch":true,"comparison":"fewer",)"
        R"("ours":{"requests":5,"input_tokens":100,"output_tokens":9},)"
        R"("provider":{"requests":4,"input_tokens":101,"output_tokens":2},)"
        R"("difference":{"requests":-1,"input_tokens":1,"output_tokens":-7},"holds_other_jobs":false})");
  auto both = row(Comparison::equal, {std::nullopt, {100}, {}}, {3, {100}, {}});
  both.batch.reset();
  const auto text = report::json(both);
  CHECK(text.find(R"("batch":null)") != std::string::npos);
  CHECK(text.find(R"("ours":{"requests":null)") != std::string::npos);
  CHECK(text.find(R"("difference":{"requests":null)") != std::string::npos);
}

TEST_CASE("the provider's figures stand below ours where they differ, and what that means below the table")
{
  Reconciliation r{.rows = {row(Comparison::equal, {1'234, {100}, {9}}, {1'234, {100}, {9}}),
                            row(Comparison::more, {5, {70'000}, {9}}, {6, {70'500}, {12}})},
                   .not_compared = 4};
  CHECK(report::page(r, {}) ==
        R"(  day         model              route  requests   input  output  provider
  2026-11-22  gpt-5.4-mini       batch     1,234     100       9  equal
  2026-11-22  gpt-5.4-mini       batch         5  70,000       9  more
                at the provider                6  70,500      12

  more       the provider counts more: other traffic of the organisation,
             answers that came here but could not be read or kept, or work that
             is not settled here yet
  left out   4 items of endpoints whose usage is not compared)");
  r.rows.resize(1);
  r.rows[0].model = std::string(60, 'm');
  r.rows[0].ours.requests.reset();
  r.rows[0].holds_others = true;
  r.not_compared = 0;
  const auto page = report::page(r, {});
  CHECK(page.find("at the provider") == std::string::npos);
  CHECK(page.find("only the items are known") != std::string::npos);
  CHECK(page.find("other jobs of the account") != std::string::npos);
  for (std::size_t at = 0; at < page.size();) {
    const auto end = std::min(page.find('\n', at), page.size());
    CHECK(report::width(page.substr(at, end - at)) <= 80);
    at = end + 1;
  }
}

TEST_SUITE_END();
