#include <batchwright/base/files.hpp>
#include <batchwright/results/verdict.hpp>
#include <batchwright/wire/answer.hpp>
#include <batchwright/wire/objects.hpp>

#include <fmt/format.h>

#include <vector>

namespace batchwright::results {
namespace {

Verdict in_words(const wire::BatchError& error)
{
  return {Judgement::permanent, false, error.code.empty() ? "batch_failed" : error.code,
          error.message.empty() ? "the batch failed, and the server did not say why" : error.message};
}

} // namespace

Unanswered::Unanswered(const std::filesystem::path& failed_batch, std::size_t lines, std::uint64_t nameless, bool lost)
{
  if (!failed_batch.empty()) {
    read_refusal(failed_batch, lines);
  } else if (lost) {
    m_all = {Judgement::unusable, true, std::string{wire::code_lost},
             "the server no longer holds the file that its answer may have stood in"};
  } else if (nameless > 0) {
    m_all = {Judgement::unusable, true, std::string{wire::code_unreadable},
             fmt::format("no line came for this request; its answer may be among the {} lines that cannot be read "
                         "and stand in the quarantine file",
                         nameless)};
  } else {
    m_all = {Judgement::transient, false, std::string{wire::code_missing},
             "the server returned no line for this request"};
  }
}

Unanswered::Unanswered()
    : m_all{Judgement::free_retry, false, std::string{wire::code_missing},
            "no answer of its request came in real time, and nothing sends it again"}
{
}

const Verdict& Unanswered::of(std::size_t place) const
{
  const auto named = m_named.find(place);
  return named == m_named.end() ? m_all : named->second;
}

void Unanswered::read_refusal(const std::filesystem::path& failed_batch, std::size_t lines)
{
  const auto batch = wire::parse_batch(read_file(failed_batch));
  const auto errors = batch ? batch->errors : std::vector<wire::BatchError>{};
  for (const auto& error : errors) {
    const bool is_ours = error.line && *error.line >= 1 && static_cast<std::uint64_t>(*error.line) <= lines;
    if (is_ours) m_named.try_emplace(static_cast<std::size_t>(*error.line) - 1, in_words(error));
  }
  if (!m_named.empty()) {
    m_all = {Judgement::free_retry, false, "batch_failed", "the batch failed because of other requests in it"};
  } else if (const auto refusal = wire::refusal_of(errors);
             refusal == wire::Refusal::no_room || refusal == wire::Refusal::lost_file) {
    m_all = in_words(errors.front()); // said late: the batch was not known to have failed for want of that
    m_all.judgement = Judgement::free_retry;
  } else if (refusal == wire::Refusal::server_fault) {
    m_all = in_words(errors.empty() ? wire::BatchError{} : errors.front());
    m_all.judgement = Judgement::transient;
  } else {
    m_all = in_words(errors.front());
  }
}

Verdict verdict_on_unreadable()
{
  return {Judgement::unusable, true, std::string{wire::code_unreadable},
          "the server's line for this request cannot be read; it stands in the quarantine file"};
}

Verdict verdict_on_no_element()
{
  return {Judgement::unusable, true, std::string{wire::code_unreadable},
          "the answer to the request holds no readable result for this input"};
}

Verdict verdict_on_cancelled(Cancelled cancelled)
{
  if (cancelled == Cancelled::no_room) {
    return {Judgement::permanent, false, "token_limit_exceeded",
            "the request alone has more tokens than the server lets wait for this model at once"};
  }
  std::string words = "cancelled before it was answered";
  if (cancelled == Cancelled::unsent) words = "cancelled before it was sent";
  if (cancelled == Cancelled::abandoned)
    words = "given up while its batch was at the server, which may have run it and billed that";
  return {Judgement::permanent, cancelled == Cancelled::abandoned, std::string{wire::code_cancelled}, words};
}

Verdict maybe_billed(Verdict verdict)
{
  verdict.paid = true;
  verdict.message += "; its request was in flight, and the server may have run it and billed that";
  return verdict;
}

} // namespace batchwright::results
