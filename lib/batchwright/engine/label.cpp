#include <batchwright/engine/label.hpp>
#include <batchwright/engine/spec.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/wire/profile.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <string_view>

namespace batchwright::engine {
namespace {

/// No number of a part is larger; a product of two of them is a number still.
constexpr std::int64_t most = 1'000'000'000;

constexpr std::array overrides_keys{"bw_overrides", "bw_overrides_2", "bw_overrides_3"};

/// A name as the form tells it. One that takes more room is left out: of a model the batch tells it, and that there is
/// a column matters more than what it is called, which `submit` says again.
std::string short_name(const std::string& name, std::string_view instead)
{
  constexpr std::size_t longest = 180; // written as JSON; two of them leave room for the numbers
  std::string written;
  json::append_string(written, name);
  return written.size() > longest ? std::string{instead} : name;
}

/// The items between a part's first and last that were tried first, as JSON, where all others between them are its own;
/// else nothing.
std::string gaps_of(const Job& job, const Part& part)
{
  const auto begin = std::lower_bound(job.probe.begin(), job.probe.end(), part.first);
  const std::vector<Ordinal> gaps{begin, std::upper_bound(begin, job.probe.end(), part.last)};
  const bool is_whole = part.pick == Pick::others && part.items + gaps.size() == part.last - part.first + 1;
  return is_whole && !gaps.empty() ? fmt::format("[{}]", fmt::join(gaps, ",")) : std::string{};
}

std::string form_of(const Job& job, const Part& part, std::size_t room)
{
  const auto& spec = job.request;
  std::string text;
  json::Writer w{text};
  w.begin_object().member("model", short_name(model_of(job, part), ""));
  w.member("requests", static_cast<std::int64_t>(part.requests));
  w.member("pack",
           static_cast<std::int64_t>(part.inputs_per_request > 0 ? part.inputs_per_request : spec.inputs_per_request));
  if (!spec.id_column.empty()) w.member("ids", short_name(spec.id_column, "?"));
  if (is_ready_made(job)) w.flag("lines", true);
  if (!spec.schema.empty()) w.flag("schema", true);
  const auto& policy = job.policy;
  if (policy.max_attempts != Policy{}.max_attempts)
    w.member("attempts", static_cast<std::int64_t>(policy.max_attempts));
  if (policy.fallback != Policy{}.fallback) w.member("fallback", name(policy.fallback));
  const auto gaps = gaps_of(job, part);
  constexpr std::string_view around = R"(,"without":})";
  if (!gaps.empty() && text.size() + around.size() + gaps.size() <= room) w.key("without").raw(gaps);
  w.end_object();
  return text;
}

/// What the part is asked in place of what the job is; empty: nothing.
std::string overrides_of(const Job& job, const Part& part)
{
  const bool other_model = !part.model.empty() && part.model != job.request.model && !is_ready_made(job);
  if (!other_model && !part.max_output_tokens && part.set.empty()) return {};
  std::string text;
  json::Writer w{text};
  w.begin_object();
  if (other_model) w.member("model", part.model);
  if (part.max_output_tokens) w.member("max_output_tokens", *part.max_output_tokens);
  if (!part.set.empty()) w.key("set").raw(part.set);
  w.end_object();
  return text;
}

void put_overrides(wire::Metadata& metadata, std::string_view text, std::size_t room)
{
  if (text.empty()) return;
  constexpr std::size_t longest_rest = 3; // of a character that would be cut in two
  if (text.size() > (room - longest_rest) * overrides_keys.size()) {
    metadata[overrides_keys[0]] = "too long";
    return;
  }
  for (std::size_t i = 0; !text.empty(); ++i) {
    auto size = std::min(room, text.size());
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
      --size; // whole characters
    metadata[overrides_keys[i]] = text.substr(0, size);
    text.remove_prefix(size);
  }
}

/// Reads pairs, and remembers whether any that must be there was not.
class Pairs {
public:
  explicit Pairs(const wire::Metadata& metadata) : m_metadata(metadata) {}

  std::string text(const char* key)
  {
    const auto found = m_metadata.find(key);
    m_whole = m_whole && found != m_metadata.end() && !found->second.empty();
    return found == m_metadata.end() ? std::string{} : found->second;
  }

  template<class Number>
  Number number(const char* key)
  {
    const auto digits = text(key);
    Number n = {};
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    m_whole = m_whole && read.ec == std::errc{} && read.ptr == digits.data() + digits.size();
    return n;
  }

  bool whole() const { return m_whole; }

private:
  const wire::Metadata& m_metadata;
  bool m_whole = true;
};

std::optional<Mark> mark_of(std::string_view text)
{
  std::array<std::uint64_t, 4> numbers = {};
  const auto* at = text.data();
  const auto* end = at + text.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0 && (at == end || *at++ != ':')) return std::nullopt;
    const auto read = std::from_chars(at, end, numbers[i]);
    if (read.ec != std::errc{}) return std::nullopt;
    at = read.ptr;
  }
  if (at != end || numbers[1] > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return Mark{numbers[0], static_cast<std::uint32_t>(numbers[1]), numbers[2], numbers[3]};
}

std::uint64_t count_of(const json::Value& object, std::string_view key)
{
  const auto member = object.get(key);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, member ? member->integer().value_or(0) : 0));
}

std::string text_of(const json::Value& object, std::string_view key)
{
  const auto member = object.get(key);
  return member ? member->text().value_or("") : "";
}

void read_gaps(Label& label, const json::Value& gaps)
{
  if (!gaps.is(json::Kind::array)) return;
  for (const auto& gap : gaps.elements())
    label.without.push_back(static_cast<Ordinal>(gap.integer().value_or(-1)));
}

/// False where it cannot be read: without it answers would be taken for another's.
bool read_form(Label& label, const std::string& text)
{
  json::Document document;
  if (!document.parse(text)) return false;
  const auto form = document.root();
  if (!form.get("requests") || !form.get("pack")) return false;
  label.part.model = text_of(form, "model");
  label.part.requests = count_of(form, "requests");
  label.part.inputs_per_request = count_of(form, "pack");
  label.id_column = text_of(form, "ids");
  label.ready_made = form.get("lines").has_value();
  label.has_schema = form.get("schema").has_value();
  const auto attempts = count_of(form, "attempts");
  if (attempts > 0 && attempts < most) label.max_attempts = static_cast<int>(attempts);
  label.fallback = fallback_named(text_of(form, "fallback")).value_or(label.fallback);
  if (const auto gaps = form.get("without")) read_gaps(label, *gaps);
  return true;
}

void read_overrides(Label& label, const wire::Metadata& metadata)
{
  std::string text;
  for (const auto* key : overrides_keys) {
    const auto found = metadata.find(key);
    if (found != metadata.end()) text += found->second;
  }
  if (text.empty()) return;
  json::Document document;
  label.overrides_lost = !document.parse(text) || !document.root().is(json::Kind::object);
  if (label.overrides_lost) return;
  const auto overrides = document.root();
  if (const auto bound = overrides.get("max_output_tokens")) label.part.max_output_tokens = bound->integer();
  const auto set = overrides.get("set");
  if (set && set->is(json::Kind::object)) label.part.set = set->raw();
}

/// Whether the items that are told not to be a part's own are all that its range has beside them.
bool gaps_make_sense(const std::vector<Ordinal>& gaps, const Part& p)
{
  const auto is_inside = [&](Ordinal gap) { return p.first < gap && gap < p.last; };
  return gaps.empty() ||
         (p.items + gaps.size() == p.last - p.first + 1 && std::all_of(gaps.begin(), gaps.end(), is_inside) &&
          std::adjacent_find(gaps.begin(), gaps.end(), std::greater_equal<>{}) == gaps.end());
}

/// Whether the numbers can be those of a part. They are a server's word: lists and sums are made of them.
bool makes_sense(const Label& label)
{
  const auto& p = label.part;
  const auto within = [](auto n) { return n > 0 && static_cast<std::uint64_t>(n) <= std::uint64_t{most}; };
  return is_job_name(label.job) && within(p.number) && within(p.attempt) && within(label.job_items) &&
         within(p.items) && p.first <= p.last && p.last < label.job_items && p.items <= p.last - p.first + 1 &&
         within(p.requests) && p.requests <= p.items && p.inputs_per_request <= std::uint64_t{most} &&
         p.input_tokens.n >= 0 && p.input_tokens.n <= most && gaps_make_sense(label.without, p);
}

} // namespace

wire::Metadata metadata_of(const Job& job, const Part& part, const std::string& call)
{
  const auto room = wire::openai().metadata_value;
  const auto& mark = part.mark;
  wire::Metadata metadata{{"bw_call", call},
                          {"bw_job", job.name},
                          {"bw_job_uuid", job.uuid},
                          {"bw_part", std::to_string(part.number)},
                          {"bw_attempt", std::to_string(part.attempt)},
                          {"bw_first", std::to_string(part.first)},
                          {"bw_last", std::to_string(part.last)},
                          {"bw_count", std::to_string(part.items)},
                          {"bw_items", std::to_string(job.items)},
                          {"bw_tokens", std::to_string(part.input_tokens.n)},
                          {"bw_mark", fmt::format("{}:{}:{}:{}", mark.ordinal, mark.input, mark.offset, mark.line)},
                          {"bw_options", options_digest(job)},
                          {"bw_form", form_of(job, part, room)}};
  put_overrides(metadata, overrides_of(job, part), room);
  return metadata;
}

std::optional<Label> label_of(const wire::BatchObject& batch)
{
  Pairs pairs{batch.metadata};
  Label label;
  auto& part = label.part;
  label.call = pairs.text("bw_call");
  label.job = pairs.text("bw_job");
  label.job_uuid = pairs.text("bw_job_uuid");
  label.job_items = pairs.number<std::uint64_t>("bw_items");
  label.options = pairs.text("bw_options");
  part.number = pairs.number<int>("bw_part");
  part.attempt = pairs.number<int>("bw_attempt");
  part.first = pairs.number<Ordinal>("bw_first");
  part.last = pairs.number<Ordinal>("bw_last");
  part.items = pairs.number<std::uint64_t>("bw_count");
  part.input_tokens.n = pairs.number<std::int64_t>("bw_tokens");
  const auto mark = mark_of(pairs.text("bw_mark"));
  const bool has_form = read_form(label, pairs.text("bw_form"));
  if (!pairs.whole() || !mark || !has_form || !makes_sense(label)) return std::nullopt;
  part.mark = *mark;
  if (part.model.empty()) part.model = batch.model;
  if (label.ready_made) part.endpoint = batch.endpoint;
  read_overrides(label, batch.metadata);
  return label;
}

bool is_better(const wire::BatchObject& a, const wire::BatchObject& b)
{
  const auto is_of_use = [](const wire::BatchObject& batch) {
    return wire::phase(batch.status) != wire::BatchPhase::refused && batch.status != "cancelled";
  };
  if (is_of_use(a) != is_of_use(b)) return is_of_use(a);
  return a.created_at.value_or(Instant::max()) < b.created_at.value_or(Instant::max());
}

} // namespace batchwright::engine
