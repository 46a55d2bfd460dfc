#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/results/outcome_line.hpp>
#include <batchwright/results/take_over.hpp>
#include <batchwright/wire/answer.hpp>

#include <fmt/format.h>

#include <optional>
#include <string>

namespace batchwright::results {
namespace {

Error no_outcome(const std::filesystem::path& file, std::uint64_t offset)
{
  return {Fault::storage, fmt::format("reading {}: what stands at byte {} is no outcome", file.native(), offset)};
}

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

} // namespace

void each_outcome(const std::filesystem::path& file, std::size_t source, const OnOutcome& on_outcome)
{
  LineReader lines{file};
  std::string decoded;
  while (const auto line = lines.next()) {
    const auto outcome = line->ended ? parse_outcome(line->text, decoded) : std::nullopt;
    if (!outcome) throw no_outcome(file, line->offset);
    on_outcome(*outcome, {.source = source, .offset = line->offset, .length = line->text.size()});
  }
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
  AtomicFile file{files.outcomes};
  Settlement sums;
  json::Document document;
  std::string decoded;
  std::string head;
  gather(from.sources, from.lines, files.outcomes.parent_path(), gather_memory,
         [&](std::size_t index, std::string_view line) {
           const auto outcome = parse_outcome(line, decoded);
           if (!outcome) throw no_outcome(from.sources[from.lines[index].source], from.lines[index].offset);
           const auto ordinal = ordinals.next();
           ensure(ordinal.has_value(), "a part's list has all of its items");
           ensure(document.parse(outcome->answer), "an outcome file holds answer lines");
           const auto status = is_good(*outcome, policy) ? Status::succeeded : outcome->status;
           head.clear();
           append_outcome_head(head, *ordinal, status, outcome->code, outcome->paid);
           file.write(head);
           file.write(wire::with_custom_id(document.root(), ids.next(*ordinal)));
           file.write("\n");
           ++(status == Status::succeeded ? sums.succeeded : sums.failed);
           if (status == Status::failed && outcome->code == wire::code_cancelled) ++sums.cancelled;
         });
  file.commit();
  return sums;
}

} // namespace batchwright::results
