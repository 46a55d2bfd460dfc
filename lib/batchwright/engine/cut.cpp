// A part that the server will never take as a whole: its own tokens exceed the limit that the server named.

#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::engine {
namespace {

/// How much of the limit a piece takes by our estimate: the server may count half as much again, and two fit at once.
constexpr double share_of_limit = 0.5;

/// The same as a bound of a part's tokens, within the user's own.
std::uint64_t bound_of_piece(std::int64_t limit, std::uint64_t given)
{
  const auto bound =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(limit) * share_of_limit));
  return given > 0 ? std::min(given, bound) : bound;
}

} // namespace

/// Superseded, and its items in children below the limit, in one commit. One item alone will never fit: it goes in real
/// time, where that is the fallback, or fails.
void Run::cut(const Part& p)
{
  const auto limit = m_tools.store.queue(m_job.account, model_of(p)).named_tokens;
  ensure(limit.has_value(), "a part is cut only where the server named a limit");
  if (p.items == 1 && m_job.policy.fallback == Fallback::realtime) {
    note(Note::Level::info, fmt::format("part {} is one request of more tokens than the server takes at once ({}): it "
                                        "goes in real time",
                                        p.number, *limit));
    return reroute(p);
  }
  if (p.items == 1) {
    auto files = settle_files(m_job, p, m_files);
    files.output.clear();
    files.errors.clear();
    files.batch.clear();
    return settle(p, files, results::Cancelled::no_room, Do::give_up);
  }

  note(Note::Level::info,
       fmt::format("part {} has more tokens than the server takes at once ({}): it is cut", p.number, *limit));
  auto within = m_job;
  within.limits.tokens = bound_of_piece(*limit, m_job.limits.tokens);
  // One request of many items is too large itself: smaller ones are made of them.
  const auto pieces = static_cast<std::uint64_t>(p.input_tokens.n) / within.limits.tokens + 1;
  const auto pack = p.requests == 1 ? (p.items + pieces - 1) / pieces : 0;
  replace({p}, within, pack, fmt::format("cut from part {}", p.number), Do::create);
}

} // namespace batchwright::engine
