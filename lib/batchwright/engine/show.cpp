#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/show.hpp>
#include <batchwright/engine/snapshot.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/requests/overrides.hpp>
#include <batchwright/results/writers.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>

namespace batchwright::engine {
namespace {

/// The request lines of a job's items, made again from the pinned input.
class Requests {
public:
  Requests(Tools& tools, const Job& job, const std::vector<Part>& parts) : m_job(job), m_parts(parts)
  {
    try {
      input::Pins{job.inputs}.check();
    } catch (const Error& error) {
      m_readable = false;
      tools.observer.on(Note{Note::Level::warning, fmt::format("prompts cannot be shown: {}", error.what())});
    }
  }

  /// As the part that answered it asked, or will ask; 0: not known which. REQUIRED: ordinals are asked for in ascending
  /// order.
  std::string of(Ordinal ordinal, int part)
  {
    if (!m_readable) return {};
    seek(ordinal);
    const auto* item = m_stream->next();
    while (item && item->mark.ordinal < ordinal)
      item = m_stream->next();
    m_next = ordinal + 1;
    return item ? line_of(*item, part) : std::string{};
  }

private:
  std::string line_of(const input::Item& item, int part)
  {
    if (is_ready_made(m_job)) return std::string{item.line()};
    std::string line;
    requests::LineTexts texts;
    maker_of(part).append(line, item, texts);
    line.pop_back(); // its newline
    return line;
  }

  const requests::LineMaker& maker_of(int number)
  {
    const auto known = m_makers.find(number);
    if (known != m_makers.end()) return known->second;
    const auto part = std::find_if(m_parts.begin(), m_parts.end(), [&](const Part& p) { return p.number == number; });
    const auto spec = part == m_parts.end() ? m_job.request : requests::spec_of(m_job, *part);
    return m_makers.emplace(number, requests::LineMaker{spec}).first->second;
  }

  /// The input is not read where no item of it is wanted.
  void seek(Ordinal ordinal)
  {
    Mark nearest;
    for (const auto& part : m_parts) {
      if (part.mark.ordinal <= ordinal && part.mark.ordinal >= nearest.ordinal) nearest = part.mark;
    }
    if (!m_stream || nearest.ordinal > m_next) m_stream = input::open(m_job.inputs, {m_job.skip_bad, {}}, nearest);
  }

  const Job& m_job;
  const std::vector<Part>& m_parts;
  std::map<int, requests::LineMaker> m_makers = {}; // by part
  bool m_readable = true;
  std::unique_ptr<input::Stream> m_stream = {};
  Ordinal m_next = 0;
};

/// The index that a word names: "17", or a custom_id of ours.
std::optional<Ordinal> index_of(const std::string& word)
{
  if (const auto id = pack_of(word); id && id->items() == 1) return id->runs.front().first;
  Ordinal index = 0;
  const auto* end = word.data() + word.size();
  const auto [stop, fault] = std::from_chars(word.data(), end, index);
  return fault == std::errc{} && stop == end ? std::optional{index} : std::nullopt;
}

/// One after the other, the items' records, and whether each is asked for.
class Choice {
public:
  Choice(const Job& job, const ShowAsk& ask)
      : m_job(job),
        m_writer(results::jsonl_writer(job)),
        m_renderer(m_writer->renderer()),
        m_ask(ask),
        m_index(index_of(ask.item))
  {
  }

  /// The item that the walk is at.
  bool take(const results::Outcome& outcome, results::Walk& walk)
  {
    if (m_ask.failed && outcome.status != Status::failed) return false;
    if (m_index && *m_index != outcome.ordinal) return false;
    const auto& probe = m_job.probe;
    if (m_ask.probe && !std::binary_search(probe.begin(), probe.end(), outcome.ordinal)) return false;
    const bool by_id = !m_ask.item.empty() && !m_index;
    if (outcome.status == Status::pending) {
      m_record = fmt::format(R"({{"index":{},"status":"pending"}})", outcome.ordinal);
      return !by_id;
    }
    m_record.clear();
    auto whole = outcome;
    whole.answer = walk.line();
    m_renderer->add(m_record, whole);
    m_record.pop_back(); // its newline
    return !by_id || (m_document.parse(m_record) && m_document.root().find("custom_id")->text() == m_ask.item);
  }

  const std::string& record() const { return m_record; }

private:
  const Job& m_job;
  std::unique_ptr<results::RecordWriter> m_writer;
  std::unique_ptr<results::RecordRenderer> m_renderer;
  const ShowAsk& m_ask;
  std::optional<Ordinal> m_index;
  json::Document m_document = {};
  std::string m_record = {};
};

} // namespace

void show(Tools& tools, const std::string& name, const ShowAsk& ask, const OnItem& on_item)
{
  const auto seen = take_snapshot(tools, name);
  const auto& [hold, job, parts] = seen;
  results::Walk walk{outcome_files(tools, job, parts), job.items};
  Requests requests{tools, job, parts};
  Choice choice{job, ask};
  std::uint64_t shown = 0;
  while (shown < ask.limit.value_or(job.items)) {
    const auto* outcome = walk.next();
    if (!outcome) break;
    if (!choice.take(*outcome, walk)) continue;
    on_item({choice.record(), requests.of(outcome->ordinal, outcome->from ? outcome->from->part : 0)});
    ++shown;
    if (!ask.item.empty()) return;
  }
  if (!ask.item.empty()) {
    throw Error{Fault::usage, fmt::format("{} has no {}item {}", name, ask.failed ? "failed " : "", ask.item),
                "name it by its index, from 0, or by its custom_id"};
  }
}

std::map<std::string, std::uint64_t> failures(Tools& tools, const std::string& name)
{
  const auto seen = take_snapshot(tools, name);
  results::Walk walk{outcome_files(tools, seen.job, seen.parts), seen.job.items};
  std::map<std::string, std::uint64_t> counts;
  while (const auto* outcome = walk.next()) {
    if (outcome->status == Status::failed) ++counts[std::string{outcome->code}];
  }
  return counts;
}

} // namespace batchwright::engine
