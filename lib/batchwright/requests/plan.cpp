// One pass over the input: every line is made and measured, none is kept.

#include <batchwright/json/json.hpp>
#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/ids.hpp>
#include <batchwright/requests/requests.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::requests {
namespace {

constexpr std::size_t most_skipped_kept = 100;
constexpr std::uint64_t items_between_reports = 4096;
constexpr std::uint64_t bytes_between_reports = 4 << 20;

/// What `--set` adds to the input of every request: texts, lists and objects (tools, a schema) are read by the model,
/// numbers and switches are not.
Tokens tokens_of_set(const RequestSpec& spec)
{
  Tokens tokens;
  for (const auto& [name, value] : spec.set) {
    json::Document document;
    if (!document.parse(value)) continue;
    const auto root = document.root();
    if (root.is(json::Kind::string)) tokens += money::estimate_tokens_escaped(root.token());
    if (root.is(json::Kind::array) || root.is(json::Kind::object)) tokens += money::estimate_tokens(root.raw());
  }
  return tokens;
}

/// Texts that often come again, as system messages do, are counted once.
class TokenCounter {
public:
  explicit TokenCounter(const RequestSpec& spec)
      : m_frame(money::tokens_per_reply + money::tokens_per_message + tokens_of_set(spec))
  {
  }

  Tokens of(std::string_view line, const LineTexts& texts)
  {
    const auto tokens = m_frame + money::estimate_tokens_escaped(line.substr(texts.prompt.begin, texts.prompt.size));
    if (texts.system.size == 0) return tokens;
    const auto system = line.substr(texts.system.begin, texts.system.size);
    if (system != m_system) {
      m_system = system;
      m_system_tokens = money::estimate_tokens_escaped(system);
    }
    return tokens + money::tokens_per_message + m_system_tokens;
  }

private:
  Tokens m_frame; // of every request
  std::string m_system = {};
  Tokens m_system_tokens = {};
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
      : m_job(job), m_maker(job.request), m_report(job.inputs, on_read), m_tokens(job.request)
  {
    ensure(job.limits.requests > 0 && job.limits.bytes > 0, "a part may hold something");
  }

  Plan run(input::Empty empty)
  {
    const auto stream = input::open(m_job.inputs, {m_job.skip_bad, [this](const Error& why) { note(why); }});
    while (const auto* item = stream->next()) {
      m_report.at(item->mark);
      take(*item);
    }
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

  void take(const input::Item& item)
  {
    m_line.clear();
    const auto texts = m_maker.append(m_line, item);
    if (m_line.size() > m_job.limits.bytes) {
      throw input::fault_at(
          item, fmt::format("its request has {} bytes, a part may have {}", m_line.size(), m_job.limits.bytes),
          "shorten the item, or allow larger parts with --bytes-per-part");
    }
    if (!m_job.request.id_column.empty()) {
      const std::string_view line{m_line};
      m_ids.add(hash_of_token(line.substr(texts.custom_id.begin, texts.custom_id.size)));
    }
    add(item.mark, m_tokens.of(m_line, texts));
  }

  /// Ids are equal when their texts are, however they are escaped.
  static IdHash hash_of_token(std::string_view token)
  {
    return token.find('\\') == std::string_view::npos ? hash_of(token) : hash_of(*json::decode(token));
  }

  /// Puts the line that was made into the open part, or into a new one where it does not fit.
  void add(const Mark& mark, Tokens tokens)
  {
    auto& parts = m_plan.parts;
    if (parts.empty() || parts.back().requests == m_job.limits.requests ||
        parts.back().bytes + m_line.size() > m_job.limits.bytes) {
      Part part;
      part.number = static_cast<int>(parts.size()) + 1;
      part.first = mark.ordinal;
      part.mark = mark;
      parts.push_back(std::move(part));
    }
    auto& part = parts.back();
    part.last = mark.ordinal;
    ++part.items;
    ++part.requests;
    part.bytes += m_line.size();
    part.input_tokens += tokens;
    ++m_plan.items;
    m_plan.bytes += m_line.size();
    m_plan.input_tokens += tokens;
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
  ReadReport m_report;
  TokenCounter m_tokens;
  IdHashes m_ids = {};
  Plan m_plan = {};
  std::string m_line = {};
};

} // namespace

Plan plan(const Job& job, const OnRead& on_read, input::Empty empty)
{
  return Planner{job, on_read}.run(empty);
}

} // namespace batchwright::requests
