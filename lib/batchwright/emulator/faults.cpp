#include <batchwright/base/error.hpp>
#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <initializer_list>

namespace batchwright::emulator {
namespace {

/// The members of one object, each taken by the key that knows it; what nobody takes is refused.
class Members {
public:
  Members(const json::Value& object, std::string where) : m_where(std::move(where))
  {
    if (!object.is(json::Kind::object)) refuse("an object");
    for (const auto& member : object.members())
      m_left.emplace_back(json::decode_lossy(member.key.token()), member.value);
  }

  std::optional<json::Value> take(std::string_view key)
  {
    m_known += fmt::format("{}{}", m_known.empty() ? "" : ", ", key);
    const auto found = std::find_if(m_left.begin(), m_left.end(), [&](const auto& m) { return m.first == key; });
    if (found == m_left.end()) return std::nullopt;
    const auto value = found->second;
    m_left.erase(found);
    m_taken.emplace_back(key);
    return value;
  }

  /// Whether a key that was asked for was there.
  bool given(std::string_view key) const { return std::find(m_taken.begin(), m_taken.end(), key) != m_taken.end(); }

  void take(std::string_view key, std::int64_t& to, std::int64_t least = 0)
  {
    const auto value = take(key);
    if (!value) return;
    const auto n = value->integer();
    if (!n || *n < least) refuse(key, fmt::format("a whole number, {} or more", least));
    to = *n;
  }

  void take(std::string_view key, double& to)
  {
    const auto value = take(key);
    if (!value) return;
    const auto digits = value->raw();
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), to);
    const bool whole = fault == std::errc{} && end == digits.data() + digits.size();
    if (!value->is(json::Kind::number) || !whole || to < 0 || to > 1) refuse(key, "a number from 0 to 1");
  }

  void take(std::string_view key, bool& to)
  {
    const auto value = take(key);
    if (!value) return;
    if (!value->is(json::Kind::boolean)) refuse(key, "true or false");
    to = *value->boolean();
  }

  void take(std::string_view key, std::string& to)
  {
    const auto value = take(key);
    if (!value) return;
    const auto text = value->text();
    if (!text) refuse(key, "a string");
    to = *text;
  }

  template<class Enum>
  void take(std::string_view key, Enum& to, std::initializer_list<std::pair<std::string_view, Enum>> words)
  {
    const auto value = take(key);
    if (!value) return;
    std::string known;
    for (const auto& [word, meaning] : words) {
      if (value->text() == word) {
        to = meaning;
        return;
      }
      known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", word);
    }
    refuse(key, "one of " + known);
  }

  /// Calls `each` with every element of an array and its name in messages.
  void take_list(std::string_view key, const std::function<void(const json::Value&, std::string)>& each)
  {
    const auto value = take(key);
    if (!value) return;
    if (!value->is(json::Kind::array)) refuse(key, "an array");
    std::size_t n = 0;
    for (const auto& element : value->elements())
      each(element, fmt::format("{}, {}[{}]", m_where, key, n++));
  }

  void finish() const
  {
    if (m_left.empty()) return;
    throw Error{Fault::input, fmt::format("{}: unknown key \"{}\"", m_where, m_left.front().first),
                "the keys here are " + m_known};
  }

  [[noreturn]] void refuse(std::string_view key, std::string_view expected) const
  {
    throw Error{Fault::input, fmt::format("{}: \"{}\": expected {}", m_where, key, expected)};
  }

private:
  [[noreturn]] void refuse(std::string_view expected) const
  {
    throw Error{Fault::input, fmt::format("{}: expected {}", m_where, expected)};
  }

  std::string m_where;
  std::string m_known = {}; // every key that was asked for
  std::vector<std::pair<std::string, json::Value>> m_left = {};
  std::vector<std::string> m_taken = {};
};

Which take_which(Members& members, std::string_view list_key)
{
  Which which;
  if (const auto value = members.take(list_key)) {
    const auto numbers = value->is(json::Kind::array) ? value->elements() : std::vector{*value};
    if (numbers.empty()) members.refuse(list_key, "a number from 1 up, or an array of at least one");
    for (const auto& number : numbers) {
      const auto n = number.integer();
      if (!n || *n < 1) members.refuse(list_key, "a number from 1 up, or an array of them");
      which.nth.push_back(*n);
    }
  }
  members.take("every", which.every, 1);
  members.take("first", which.first, 1);
  return which;
}

BatchesAt share_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  BatchesAt rule{.batches = take_which(members, "batch")};
  members.take("after_share", rule.after_share);
  members.finish();
  return rule;
}

FailBatches fail_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  FailBatches rule{.batches = take_which(members, "batch")};
  members.take("code", rule.code);
  members.take("message", rule.message);
  if (const auto line = members.take("line"); line && !line->is(json::Kind::null)) {
    rule.line = line->integer();
    if (!rule.line) members.refuse("line", "a whole number or null");
  }
  members.finish();
  return rule;
}

std::map<std::string, std::string> header_map(const json::Value& value, const Members& members)
{
  std::map<std::string, std::string> headers;
  if (!value.is(json::Kind::object)) members.refuse("headers", "an object of strings");
  for (const auto& header : value.members()) {
    const auto text = header.value.text();
    if (!text) members.refuse("headers", "an object of strings");
    headers[json::decode_lossy(header.key.token())] = *text;
  }
  return headers;
}

/// What is answered instead, by the effects that answer something of their own.
void take_answer(Members& members, HttpFault& rule)
{
  const bool html = rule.effect == Effect::html;
  const bool answers = html || rule.effect == Effect::status;
  std::int64_t status = html ? 502 : rule.status;
  members.take("status", status);
  if (status < 100 || status > 599) members.refuse("status", "an HTTP status, 100 to 599");
  rule.status = static_cast<int>(status);
  // A body is given as text, or as JSON that is sent as it stands.
  const auto body = members.take("body");
  if (body) rule.body = body->text().value_or(std::string{body->raw()});
  if (body && rule.effect != Effect::status) members.refuse("body", "the effect \"status\" beside it");
  if (const auto headers = members.take("headers")) rule.headers = header_map(*headers, members);
  for (const auto* key : {"status", "headers"})
    if (!answers && members.given(key)) members.refuse(key, "the effect \"status\" or \"html\" beside it");
}

HttpFault http_rule(const json::Value& value, const std::string& where)
{
  Members members{value, where};
  HttpFault rule{.calls = take_which(members, "nth")};
  members.take("method", rule.method);
  members.take("path", rule.path);
  members.take("effect", rule.effect,
               {{"delay", Effect::delay},
                {"status", Effect::status},
                {"html", Effect::html},
                {"close_before", Effect::close_before},
                {"close_after", Effect::close_after},
                {"short_body", Effect::short_body}});
  members.take("delay_ms", rule.delay_ms);
  take_answer(members, rule);
  members.finish();
  return rule;
}

struct Share {
  std::string_view key;
  double Faults::*share;
  Fate fate;
};

constexpr std::array shares{
    Share{"fail_share", &Faults::fail_share, Fate::failed},
    Share{"never_ran_share", &Faults::never_ran_share, Fate::never_ran},
    Share{"transient_share", &Faults::transient_share, Fate::transient},
    Share{"drop_share", &Faults::drop_share, Fate::dropped},
    Share{"duplicate_share", &Faults::duplicate_share, Fate::duplicate},
    Share{"unreadable_share", &Faults::unreadable_share, Fate::unreadable},
    Share{"truncate_share", &Faults::truncate_share, Fate::truncated},
    Share{"refuse_share", &Faults::refuse_share, Fate::refused},
    Share{"content_filter_share", &Faults::content_filter_share, Fate::filtered},
    Share{"model_fail_share", &Faults::model_fail_share, Fate::model_failed},
    Share{"tool_call_share", &Faults::tool_call_share, Fate::tool_call},
};

void take_shares(Members& members, Faults& faults)
{
  double sum = 0;
  for (const auto& s : shares) {
    members.take(s.key, faults.*s.share);
    sum += faults.*s.share;
  }
  // An item meets one fault at most, so the shares are slices of one cake.
  if (sum > 1 + 1e-9) members.refuse("fail_share", "shares that add up to 1 at most");
}

void take_speeds(Members& members, Faults& faults)
{
  members.take("validating_ms", faults.validating_ms);
  members.take("in_progress_ms", faults.in_progress_ms);
  members.take("finalizing_ms", faults.finalizing_ms);
  members.take("cancelling_ms", faults.cancelling_ms);
  members.take("chat_latency_ms", faults.chat_latency_ms);
  members.take("requests_per_second", faults.requests_per_second);
}

void take_rules(Members& members, Faults& faults)
{
  members.take_list("expire_batches", [&](const json::Value& value, const std::string& where) {
    faults.expire_batches.push_back(share_rule(value, where));
  });
  members.take_list("fail_batches", [&](const json::Value& value, const std::string& where) {
    faults.fail_batches.push_back(fail_rule(value, where));
  });
  members.take_list("stuck_batches", [&](const json::Value& value, const std::string& where) {
    faults.stuck_batches.push_back(share_rule(value, where));
  });
  members.take_list("http", [&](const json::Value& value, const std::string& where) {
    faults.http.push_back(http_rule(value, where));
  });
}

void take_shapes(Members& members, Faults& faults)
{
  members.take("absent_file_id", faults.absent_file_id,
               {{"null", AbsentFileId::null}, {"empty", AbsentFileId::empty}, {"missing", AbsentFileId::missing}});
  members.take("null_request_counts", faults.null_request_counts);
  members.take("extra_fields", faults.extra_fields);
  members.take("unknown_status", faults.unknown_status);
  members.take("list_lag_ms", faults.list_lag_ms);
  members.take("files_expire_ms", faults.files_expire_ms);
}

} // namespace

bool Which::picks(std::int64_t n) const
{
  if (nth.empty() && every == 0 && first == 0) return true;
  return std::find(nth.begin(), nth.end(), n) != nth.end() || (every > 0 && n % every == 0) || n <= first;
}

Faults parse_faults(std::string_view json, std::string_view file_name)
{
  json::Document document;
  const auto where = fmt::format("reading faults from {}", file_name);
  if (!document.parse(json)) {
    const auto& fault = document.fault();
    throw Error{Fault::input, fmt::format("{}: not JSON at byte {}: {}", where, fault.byte, fault.what)}.at(
        {.file = std::string{file_name}, .line = 0, .byte = fault.byte});
  }
  Faults faults;
  Members members{document.root(), where};
  take_speeds(members, faults);
  take_shares(members, faults);
  members.take("passing_after", faults.passing_after);
  members.take("bad_text", faults.bad_text);
  take_rules(members, faults);
  members.take("enqueued_token_limit", faults.enqueued_token_limit);
  members.take("copies", faults.copies, 1);
  take_shapes(members, faults);
  if (const auto rate = members.take("rate")) {
    Members limits{*rate, where + ", rate"};
    limits.take("rpm", faults.rate.rpm, 1);
    limits.take("tpm", faults.rate.tpm, 1);
    limits.finish();
  }
  members.finish();
  return faults;
}

Fate fate_of(const Faults& faults, std::uint64_t seed, std::string_view body_sha256, std::int64_t met)
{
  constexpr double unit = 1.0 / 9007199254740992.0; // 2^-53: the mantissa of a double
  double at = static_cast<double>(mixed(fnv1a(body_sha256) ^ mixed(seed)) >> 11) * unit;
  for (const auto& s : shares) {
    const double share = faults.*s.share;
    if (at >= share) {
      at -= share;
      continue;
    }
    const bool passes = s.fate == Fate::never_ran || s.fate == Fate::transient || s.fate == Fate::dropped;
    return passes && met >= faults.passing_after ? Fate::fine : s.fate;
  }
  return Fate::fine;
}

} // namespace batchwright::emulator
