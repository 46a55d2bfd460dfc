// One pass over the input: every line is made and measured, none is kept.

#include <batchwright/input/columns.hpp>
#include <batchwright/requests/assembler.hpp>
#include <batchwright/requests/ids.hpp>
#include <batchwright/requests/probe.hpp>
#include <batchwright/requests/read_report.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/requests/shared_prompts.hpp>
#include <batchwright/requests/urgency.hpp>
#include <batchwright/wire/endpoint.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace batchwright::requests {
namespace {

constexpr std::size_t most_skipped_kept = 100;

/// A part that requests may still go into.
struct OpenPart {
  std::size_t index = 0;    // of the plan's parts
  std::uint64_t inputs = 0; // in it, that count against its endpoint's limit
};

class Planner {
public:
  Planner(const Job& job, const OnRead& on_read, ProbeAsk probe, std::span<const Ordinal> unsent)
      : m_job(job),
        m_unsent(unsent),
        m_assembler(assembler_for(job, job.request.inputs_per_request)),
        m_urgency(job.urgent),
        m_report(job.inputs, on_read),
        m_probe(probe.sent ? choose_probe(probe, *probe.sent) : choose_probe(job, probe, m_report.bytes())),
        m_shared(job.request),
        m_columns(job.inputs.size())
  {
    m_plan.urgent.resize(m_urgency.conditions());
    if (m_urgency.has_conditions()) m_urgent = assembler_for(job, job.request.inputs_per_request);
    if (m_probe.is_any()) m_first = assembler_for(job, 1);
    ensure(job.limits.requests > 0 && job.limits.bytes > 0, "a part may hold something");
  }

  Plan run(input::Empty empty)
  {
    const auto stream = input::open(m_job.inputs, {m_job.skip_bad, [this](const Error& why) { note(why); }});
    while (const auto* item = stream->next()) {
      m_report.at(item->mark);
      note_columns(*item);
      if (is_ready_made(m_job) && item->mark.input != m_input) begin_input(item->mark.input);
      if (has_user_ids(m_job)) m_ids.add(hash_of(m_assembler->custom_id(*item)));
      const auto pick = pick_of(*item);
      if (!pick) continue;
      if (const auto* request = assembler_of(*pick)->take(*item)) add(*request, *pick);
    }
    for (const auto pick : {Pick::others, Pick::urgent, Pick::probe}) {
      auto* assembler = assembler_of(pick);
      if (const auto* request = assembler ? assembler->finish() : nullptr) add(*request, pick);
    }
    name_ranges();
    order_parts();
    name_columns();
    m_plan.shared = m_shared.found();
    m_report.end(m_plan.items);
    if (m_plan.items == 0 && empty == input::Empty::refuse) throw no_item();
    check_ids();
    return std::move(m_plan);
  }

private:
  void note(const Error& why)
  {
    ++m_plan.skipped_count;
    if (m_plan.skipped.size() < most_skipped_kept) m_plan.skipped.push_back(why);
  }

  /// Of JSON lines, whose records differ in them; a table that has too many of them says so when it is asked for.
  void note_columns(const input::Item& item)
  {
    auto& columns = m_columns[item.mark.input];
    const bool may_differ = m_job.inputs[item.mark.input].format == InputFormat::jsonl;
    if (may_differ && columns.names().size() <= input::most_columns) columns.add(item);
  }

  void name_columns()
  {
    for (const auto& columns : m_columns) {
      const auto& names = columns.names();
      auto& named = m_plan.columns.emplace_back();
      if (names.size() <= input::most_columns) named.assign(names.begin(), names.end());
    }
  }

  /// Ready-made files keep to themselves: their ids are their own, and no part holds lines of two of them.
  void begin_input(std::uint32_t input)
  {
    check_ids();
    m_ids = {};
    m_open.clear();
    m_input = input;
  }

  /// Each condition is counted, those behind one that holds, too.
  bool is_urgent_item(const input::Item& item)
  {
    bool is_any = false;
    for (std::size_t i = 0; i < m_urgency.conditions(); ++i) {
      const bool holds = m_urgency.holds(item, i);
      m_plan.urgent[i] += holds ? 1 : 0;
      is_any = is_any || holds;
    }
    return is_any;
  }

  /// Nothing: it is not sent.
  std::optional<Pick> pick_of(const input::Item& item)
  {
    const bool is_urgent = m_urgent && is_urgent_item(item); // counted whatever becomes of it
    if (is_unsent(item.mark.ordinal)) return std::nullopt;
    if (is_tried_first(item)) return Pick::probe;
    return is_urgent ? Pick::urgent : Pick::others;
  }

  bool is_unsent(Ordinal ordinal)
  {
    if (m_unsent_before == m_unsent.size() || m_unsent[m_unsent_before] != ordinal) return false;
    ++m_unsent_before;
    ++m_plan.items;
    return true;
  }

  bool is_tried_first(const input::Item& item)
  {
    if (!m_probe.is_due(item.mark.ordinal - m_unsent_before, m_report.bytes_before(item.mark))) return false;
    const auto& endpoint = is_ready_made(m_job) ? m_first->take(item)->endpoint : m_job.request.endpoint;
    if (wire::makes_pictures(endpoint)) return false; // the next one that does not is as good
    m_probe.take();
    m_plan.probe.push_back(item.mark.ordinal);
    return true;
  }

  Assembler* assembler_of(Pick pick) const
  {
    return pick == Pick::probe ? m_first.get() : pick == Pick::urgent ? m_urgent.get() : m_assembler.get();
  }

  /// Where no item of a part's range is another's, the range tells which are its own.
  void name_ranges()
  {
    const auto has_any_within = [](std::span<const Ordinal> sorted, const Part& part) {
      const auto first = std::lower_bound(sorted.begin(), sorted.end(), part.first);
      return first != sorted.end() && *first <= part.last;
    };
    for (auto& part : m_plan.parts) {
      const bool is_mixed = m_urgent || has_any_within(m_plan.probe, part) || has_any_within(m_unsent, part);
      if (part.pick == Pick::others && !is_mixed) part.pick = Pick::all;
    }
  }

  /// Parts are numbered in the order of their first items.
  void order_parts()
  {
    auto& parts = m_plan.parts;
    std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < parts.size(); ++i)
      parts[i].number = static_cast<int>(i) + 1;
  }

  /// Puts a request into the open part of its kind, or into a new one where it does not fit.
  void add(const Request& request, Pick pick)
  {
    const auto bytes = request.line.size();
    if (bytes > m_job.limits.bytes) throw too_long(m_job, request);
    const auto [known, fresh] = m_open.try_emplace({request.model, request.endpoint, pick});
    auto& open = known->second;
    const auto tokens = m_assembler->tokens(request);
    if (fresh || !has_room(m_job, m_plan.parts[open.index], open.inputs, request, tokens))
      open = {.index = begin_part(request, pick), .inputs = 0};
    open.inputs += request.inputs;
    add_request(m_plan.parts[open.index], request, tokens);
    m_plan.items += request.items;
    m_plan.bytes += bytes;
    m_plan.input_tokens += tokens;
    m_shared.look(request);
    if (!request.tier.empty()) m_plan.tiers.insert(request.tier);
  }

  std::size_t begin_part(const Request& request, Pick pick)
  {
    Part part;
    part.pick = pick;
    const bool waits = pick == Pick::others && m_job.mode != Mode::realtime;
    part.route = waits ? Route::batch : Route::realtime;
    if (pick == Pick::probe && m_job.request.inputs_per_request > 1) part.inputs_per_request = 1;
    part.number = static_cast<int>(m_plan.parts.size()) + 1;
    part.first = request.mark.ordinal;
    part.mark = request.mark;
    part.model = request.model;
    part.endpoint = request.endpoint;
    if (is_ready_made(m_job)) part.output_bound = Tokens{};
    m_plan.parts.push_back(std::move(part));
    return m_plan.parts.size() - 1;
  }

  Error no_item() const
  {
    std::string files;
    for (const auto& input : m_job.inputs)
      files += (files.empty() ? "" : ", ") + input.path;
    std::string aside;
    if (m_plan.skipped_count > 0) aside = fmt::format(" ({} bad records were put aside)", m_plan.skipped_count);
    return Error{
        Fault::input, fmt::format("reading {}: no item in it{}", files, aside),
        "a CSV file needs records behind its header, other files a line that is not blank; --allow-empty takes "
        "it as it is"}
        .at({m_job.inputs.empty() ? std::string{} : m_job.inputs.front().path, 0, {}});
  }

  void check_ids()
  {
    if (const auto repeated = m_ids.keep_repeated(); repeated > 0) throw id_twice(repeated);
  }

  /// Finds the two places by a second pass: the first id that comes again, and where it does.
  Error id_twice(std::size_t repeated) const
  {
    const auto inputs = is_ready_made(m_job) ? std::vector{m_job.inputs[m_input]} : m_job.inputs;
    const auto stream = input::open(inputs, {m_job.skip_bad, {}});
    std::string id;
    Place first;
    while (const auto* item = stream->next()) {
      auto other = m_assembler->custom_id(*item);
      if (first.file.empty()) {
        if (!m_ids.contains(hash_of(other))) continue;
        id = std::move(other);
        first = item->place();
      } else if (other == id) {
        const auto more = repeated > 1 ? fmt::format("; {} more ids are not unique", repeated - 1) : std::string{};
        const auto file = first.file == item->file ? std::string{} : " of " + first.file;
        const auto where = first.line > 0 ? fmt::format("on line {}{}", first.line, file) : "in " + first.file;
        return input::fault_at(*item, fmt::format("the id `{}` stands {} already{}", id, where, more),
                               is_ready_made(m_job) ? "give each request of a file an id of its own"
                                                    : "give each item an id of its own, or leave out --id-column");
      }
    }
    return Error{Fault::input, "reading the input again to find an id that stands twice: it has changed meanwhile"};
  }

  const Job& m_job;
  std::span<const Ordinal> m_unsent;
  std::size_t m_unsent_before = 0; // those that stand before the item at hand
  std::unique_ptr<Assembler> m_assembler;
  std::unique_ptr<Assembler> m_urgent = {}; // null: nothing is urgent
  std::unique_ptr<Assembler> m_first = {};  // null: nothing is tried first
  Urgency m_urgency;
  ReadReport m_report;
  ProbeChoice m_probe;
  SharedPrompts m_shared;
  std::vector<input::Columns> m_columns;                                      // of each input
  std::uint32_t m_input = 0;                                                  // of the ready-made lines at hand
  std::map<std::tuple<std::string, std::string, Pick>, OpenPart> m_open = {}; // by model, endpoint and kind
  IdHashes m_ids = {};
  Plan m_plan = {};
};

} // namespace

Plan plan(const Job& job, const OnRead& on_read, input::Empty empty, ProbeAsk probe, std::span<const Ordinal> unsent)
{
  return Planner{job, on_read, probe, unsent}.run(empty);
}

} // namespace batchwright::requests
