// Settling: what became of each item of a part, from its files alone.

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/results/gather.hpp>
#include <batchwright/results/members.hpp>
#include <batchwright/results/outcome_line.hpp>
#include <batchwright/results/quarantine.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/results/scan.hpp>
#include <batchwright/wire/answer.hpp>

#include <fmt/format.h>

#include <optional>

namespace batchwright::results {
namespace {

/// What is said of an item without a line it can be read from.
struct Verdict {
  Judgement judgement = Judgement::transient;
  bool paid = false;
  std::string code = {};
  std::string message = {};
};

Verdict verdict_on_missing(const SettleContext& context, std::uint64_t nameless)
{
  if (!context.refused_code.empty()) {
    return {Judgement::permanent, false, context.refused_code, context.refused_message};
  }
  if (nameless > 0) {
    return {Judgement::unusable, true, std::string{wire::code_unreadable},
            fmt::format("no line came for this request; its answer may be among the {} lines that cannot be read and "
                        "stand in the quarantine file",
                        nameless)};
  }
  return {Judgement::transient, false, std::string{wire::code_missing}, "the server returned no line for this request"};
}

Verdict verdict_on_unreadable()
{
  return {Judgement::unusable, true, std::string{wire::code_unreadable},
          "the server's line for this request cannot be read; it stands in the quarantine file"};
}

/// What the policy makes of a judgement. Pending: the item is left for another attempt.
Status status_after(Judgement judgement, const Part& part, const SettleContext& context)
{
  const bool may_go_on = context.fallback != Fallback::none;
  switch (judgement) {
  case Judgement::success:
    return Status::succeeded;
  case Judgement::unusable:
  case Judgement::permanent:
    return Status::failed;
  case Judgement::transient:
    return may_go_on && part.attempt < context.max_attempts ? Status::pending : Status::failed;
  case Judgement::free_retry:
    return may_go_on ? Status::pending : Status::failed;
  }
  return Status::failed;
}

/// The items that live on in one child part: their list appears only where there are any.
class LeftList {
public:
  explicit LeftList(const std::filesystem::path& path) : m_path(path) {}

  void add(Ordinal ordinal)
  {
    if (!m_writer) {
      m_writer.emplace(m_path);
      m_left.first = ordinal;
    }
    m_writer->add(ordinal);
    m_left.last = ordinal;
    ++m_left.count;
  }

  Left commit()
  {
    if (m_writer) {
      m_writer->commit();
    } else {
      discard_file(m_path);
    }
    return m_left;
  }

private:
  const std::filesystem::path& m_path;
  std::optional<input::OrdinalWriter> m_writer = {};
  Left m_left = {};
};

/// Writes outcomes and what is left, item by item in ascending order, and sums.
class Settling {
public:
  Settling(const Part& part, const SettleFiles& files, const SettleContext& context, const Members& members,
           const Scan& scan)
      : m_part(part),
        m_context(context),
        m_members(members),
        m_scan(scan),
        m_missing(verdict_on_missing(context, scan.nameless())),
        m_unreadable(verdict_on_unreadable()),
        m_outcomes(files.outcomes),
        m_left(files.left),
        m_left_free(files.left_free)
  {
  }

  void item(std::size_t place, std::string_view line)
  {
    const auto& pick = m_scan.picks()[place];
    if (pick.rank == Pick::Rank::none) ++m_settled.missing;
    if (line.empty()) return unanswered(place, pick.rank == Pick::Rank::none ? m_missing : m_unreadable);

    const auto status = status_after(pick.judgement, m_part, m_context);
    if (status == Status::pending) return leave(place, pick.judgement);
    write(place, status, m_scan.code(pick), pick.paid, line);
    m_settled.sums.usage += pick.usage;
  }

  Settled finish()
  {
    auto& sums = m_settled.sums;
    ensure(sums.succeeded + sums.failed + sums.left == m_part.items,
           "a settled part's outcomes and what is left of it are its items");
    price();
    m_outcomes.commit();
    m_settled.left = m_left.commit();
    m_settled.left_free = m_left_free.commit();
    return m_settled;
  }

private:
  void unanswered(std::size_t place, const Verdict& verdict)
  {
    const auto status = status_after(verdict.judgement, m_part, m_context);
    if (status == Status::pending) return leave(place, verdict.judgement);
    write(place, status, verdict.code, verdict.paid,
          wire::unanswered_line(m_members.custom_id(place), verdict.code, verdict.message));
  }

  void write(std::size_t place, Status status, std::string_view code, bool paid, std::string_view answer)
  {
    m_head.clear();
    append_outcome_head(m_head, m_members.ordinal(place), status, code, paid);
    m_outcomes.write(m_head);
    m_outcomes.write(answer);
    m_outcomes.write("\n");
    ++(status == Status::succeeded ? m_settled.sums.succeeded : m_settled.sums.failed);
  }

  void leave(std::size_t place, Judgement judgement)
  {
    (judgement == Judgement::free_retry ? m_left_free : m_left).add(m_members.ordinal(place));
    ++m_settled.sums.left;
  }

  void price()
  {
    auto& sums = m_settled.sums;
    const auto rates = m_context.prices ? money::rates_for(*m_context.prices, m_part.route) : std::nullopt;
    sums.priced = rates.has_value();
    if (!rates) return;
    sums.spent = money::cost(sums.usage, *rates);
    sums.realtime = money::cost(sums.usage, m_context.prices->standard);
  }

  const Part& m_part;
  const SettleContext& m_context;
  const Members& m_members;
  const Scan& m_scan;
  Verdict m_missing;
  Verdict m_unreadable;
  AtomicFile m_outcomes;
  LeftList m_left;
  LeftList m_left_free;
  std::string m_head = {};
  Settled m_settled = {};
};

std::vector<Span> wanted_lines(const Scan& scan)
{
  std::vector<Span> wanted;
  wanted.reserve(scan.picks().size());
  for (const auto& pick : scan.picks())
    wanted.push_back(pick.line);
  return wanted;
}

} // namespace

Settled settle(const Part& part, const SettleFiles& files, const SettleContext& context)
{
  const Members members{part, files, context.user_ids};
  Quarantine quarantine{files.quarantine};
  Scan scan{members, context.endpoint, quarantine};
  scan.read(files.output);
  scan.read(files.errors);

  Settling settling{part, files, context, members, scan};
  gather(scan.sources(), wanted_lines(scan), files.outcomes.parent_path(), gather_memory,
         [&](std::size_t place, std::string_view line) { settling.item(place, line); });
  quarantine.commit();
  auto settled = settling.finish();
  settled.quarantined = quarantine.count();
  return settled;
}

} // namespace batchwright::results
