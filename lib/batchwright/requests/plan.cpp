// One pass over the input: every line is made and measured, none is kept.

#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/assembler.hpp>
#include <batchwright/requests/ids.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/wire/endpoint.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::requests {
namespace {

constexpr std::size_t most_skipped_kept = 100;
constexpr std::uint64_t items_between_reports = 4096;
constexpr std::uint64_t bytes_between_reports = 4 << 20;

/// What every request has beside its items' texts.
Tokens frame_tokens(const RequestSpec& spec, const LineMaker& maker)
{
  auto tokens = maker.constant_tokens();
  if (!wire::has_output_tokens(spec)) return tokens;
  tokens += money::tokens_per_reply + money::tokens_per_message;
  return spec.system.empty() ? tokens : tokens + money::tokens_per_message;
}

/// Texts that often come again, as system messages do, are counted once.
class TokenCounter {
public:
  TokenCounter(const RequestSpec& spec, const LineMaker& maker) : m_frame(frame_tokens(spec, maker)) {}

  Tokens of(const Request& request)
  {
    const auto& filled = request.texts.filled;
    if (m_known.size() < filled.size()) m_known.resize(filled.size());
    auto tokens = m_frame;
    for (std::size_t i = 0; i < filled.size(); ++i) {
      const auto text = std::string_view{request.line}.substr(filled[i].begin, filled[i].size);
      tokens += i + 1 == filled.size() ? money::estimate_tokens_escaped(text) : known(m_known[i], text);
    }
    return tokens;
  }

private:
  struct Known {
    std::string text = {};
    Tokens tokens = {};
  };

  static Tokens known(Known& last, std::string_view text)
  {
    if (last.text != text) last = {std::string{text}, money::estimate_tokens_escaped(text)};
    return last.tokens;
  }

  Tokens m_frame; // of every request
  std::vector<Known> m_known = {};
};

/// Tells the caller how far the reading is, now and then.
class ReadReport {
public:
  ReadReport(const std::vector<PinnedInput>& inputs, const OnRead& on_read) : m_on_read(on_read)
  {
    for (const auto& input : inputs) {
      m_before.push_back(m_total);
      m_total += input.bytes;
      m_packed = m_packed || input::is_packed(input.path);
    }
  }

  void at(const Mark& mark)
  {
    const auto bytes = m_before[mark.input] + mark.offset;
    if (!m_on_read || (bytes < m_due_bytes && mark.ordinal < m_due_items)) return;
    m_on_read(bytes, m_packed ? 0 : m_total, mark.ordinal);
    m_due_bytes = bytes + bytes_between_reports;
    m_due_items = mark.ordinal + items_between_reports;
  }

  void end(std::uint64_t items) const
  {
    if (m_on_read) m_on_read(m_total, m_total, items);
  }

private:
  const OnRead& m_on_read;
  std::vector<std::uint64_t> m_before = {}; // bytes of the inputs before each
  std::uint64_t m_total = 0;
  bool m_packed = false; // offsets are unpacked bytes, of which nobody knows how many there are
  std::uint64_t m_due_bytes = 0;
  std::uint64_t m_due_items = 0;
};

class Planner {
public:
  Planner(const Job& job, const OnRead& on_read)
      : m_job(job),
        m_maker(job.request),
        m_assembler(m_maker, job.request.inputs_per_request, job.limits.bytes),
        m_report(job.inputs, on_read),
        m_tokens(job.request, m_maker)
  {
    const auto* endpoint = wire::find_endpoint(job.request.endpoint);
    m_most_items = endpoint ? endpoint->inputs_per_file : 0;
    ensure(job.limits.requests > 0 && job.limits.bytes > 0, "a part may hold something");
  }

  Plan run(input::Empty empty)
  {
    const auto stream = input::open(m_job.inputs, {m_job.skip_bad, [this](const Error& why) { note(why); }});
    while (const auto* item = stream->next()) {
      m_report.at(item->mark);
      if (!m_job.request.id_column.empty()) m_ids.add(hash_of(m_maker.custom_id(*item)));
      if (const auto* request = m_assembler.take(*item)) add(*request);
    }
    if (const auto* request = m_assembler.finish()) add(*request);
    m_report.end(m_plan.items);
    if (m_plan.items == 0 && empty == input::Empty::refuse) throw no_item();
    if (const auto repeated = m_ids.keep_repeated(); repeated > 0) throw id_twice(repeated);
    return std::move(m_plan);
  }

private:
  void note(const Error& why)
  {
    ++m_plan.skipped_count;
    if (m_plan.skipped.size() < most_skipped_kept) m_plan.skipped.push_back(why);
  }

  /// Puts a request into the open part, or into a new one where it does not fit.
  void add(const Request& request)
  {
    const auto bytes = request.line.size();
    if (bytes > m_job.limits.bytes) throw too_long(request);
    auto& parts = m_plan.parts;
    if (parts.empty() || !fits(parts.back(), request)) {
      Part part;
      part.number = static_cast<int>(parts.size()) + 1;
      part.first = request.mark.ordinal;
      part.mark = request.mark;
      parts.push_back(std::move(part));
    }
    const auto tokens = m_tokens.of(request);
    auto& part = parts.back();
    part.last = request.last;
    part.items += request.items;
    ++part.requests;
    part.bytes += bytes;
    part.input_tokens += tokens;
    m_plan.items += request.items;
    m_plan.bytes += bytes;
    m_plan.input_tokens += tokens;
  }

  bool fits(const Part& part, const Request& request) const
  {
    return part.requests < m_job.limits.requests && part.bytes + request.line.size() <= m_job.limits.bytes &&
           (m_most_items == 0 || part.items + request.items <= m_most_items);
  }

  Error too_long(const Request& request) const
  {
    const auto& mark = request.mark;
    return input::fault_at(
        m_job.inputs[mark.input], mark,
        fmt::format("its request has {} bytes, a part may have {}", request.line.size(), m_job.limits.bytes),
        "shorten the item, or allow larger parts with --bytes-per-part");
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

  /// Finds the two places by a second pass: the first id that comes again, and where it does.
  Error id_twice(std::size_t repeated) const
  {
    const auto stream = input::open(m_job.inputs, {m_job.skip_bad, {}});
    std::string id;
    Place first;
    while (const auto* item = stream->next()) {
      auto other = m_maker.custom_id(*item);
      if (first.file.empty()) {
        if (!m_ids.contains(hash_of(other))) continue;
        id = std::move(other);
        first = item->place();
      } else if (other == id) {
        const auto more = repeated > 1 ? fmt::format("; {} more ids are not unique", repeated - 1) : std::string{};
        const auto file = first.file == item->file ? std::string{} : " of " + first.file;
        const auto where = first.line > 0 ? fmt::format("on line {}{}", first.line, file) : "in " + first.file;
        return input::fault_at(*item, fmt::format("the id `{}` stands {} already{}", id, where, more),
                               "give each item an id of its own, or leave out --id-column");
      }
    }
    return Error{Fault::input, "reading the input again to find an id that stands twice: it has changed meanwhile"};
  }

  const Job& m_job;
  LineMaker m_maker;
  Assembler m_assembler;
  std::uint64_t m_most_items = 0; // of a part; 0: as many as its requests have
  ReadReport m_report;
  TokenCounter m_tokens;
  IdHashes m_ids = {};
  Plan m_plan = {};
};

} // namespace

Plan plan(const Job& job, const OnRead& on_read, input::Empty empty)
{
  return Planner{job, on_read}.run(empty);
}

} // namespace batchwright::requests
