#include <batchwright/http/head.hpp>
#include <batchwright/http/retry.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <random>
#include <thread>

namespace batchwright::http {
namespace {

// Beyond this a number in a header is no wait but a mistake.
constexpr double longest_hint_ms = 30.0 * 24 * 3600 * 1000;

/// A number at the front, taken off; nothing where there is none.
std::optional<double> take_number(std::string_view& text)
{
  double number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (fault != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<Millis> millis(double ms)
{
  if (ms > longest_hint_ms) return std::nullopt;
  return Millis{static_cast<std::int64_t>(std::ceil(ms))};
}

/// A bare number in units of `unit_ms`.
std::optional<Millis> parse_number(std::string_view text, double unit_ms)
{
  const auto number = take_number(text);
  return number && text.empty() ? millis(*number * unit_ms) : std::nullopt;
}

struct Unit {
  std::string_view name;
  double ms;
};

// "ms" stands before "m": the longer name is tried first.
constexpr std::array units{Unit{"ms", 1},      Unit{"us", 1e-3}, Unit{"\xc2\xb5s", 1e-3}, Unit{"ns", 1e-6},
                           Unit{"h", 3600000}, Unit{"m", 60000}, Unit{"s", 1000}};

bool is_quota(const Response& response, std::string_view code)
{
  return code == "insufficient_quota" || response.body.find("\"insufficient_quota\"") != std::string::npos;
}

Verdict classify_status(const Response& response, std::string_view code)
{
  const int status = response.status;
  if (status >= 200 && status < 300) return response.whole ? Verdict::ok : Verdict::transient;
  if (status == 429) return is_quota(response, code) ? Verdict::hopeless : Verdict::throttled;
  constexpr std::array passing{408, 409, 425, 499};
  const bool transient = status >= 500 || std::find(passing.begin(), passing.end(), status) != passing.end();
  return transient ? Verdict::transient : Verdict::hopeless;
}

double draw()
{
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(engine);
}

/// Passes on, and remembers whether anything came.
class NotingSink final : public Sink {
public:
  explicit NotingSink(Sink* inner) : m_inner(inner) {}
  void begin(const Response& head) override
  {
    m_touched = true;
    m_inner->begin(head);
  }
  void write(std::string_view block) override { m_inner->write(block); }
  bool touched() const { return m_touched; }

private:
  Sink* m_inner;
  bool m_touched = false;
};

class Retrying final : public Transport {
public:
  Retrying(Transport& inner, RetryPolicy policy, Sleep sleep)
      : m_inner(inner), m_policy(policy), m_sleep(std::move(sleep))
  {
  }

  Response send(const Request& request, Sink* sink) override
  {
    for (int attempt = 1;; ++attempt) {
      NotingSink noting{sink};
      auto response = m_inner.send(request, sink ? &noting : nullptr);
      if (request.method == Method::post || noting.touched()) return response;
      const auto hint = retry_after(response, system_clock().now());
      const auto wait = wait_before_retry(m_policy, attempt, classify(response), hint, draw());
      if (!wait || !m_sleep(*wait)) return response;
    }
  }

private:
  Transport& m_inner;
  RetryPolicy m_policy;
  Sleep m_sleep;
};

} // namespace

Verdict classify(const Response& response, std::string_view code)
{
  if (response.delivery != Delivery::answered) return Verdict::transient;
  const auto verdict = classify_status(response, code);
  if (verdict == Verdict::ok) return verdict;
  const auto word = response.header("x-should-retry");
  if (equal_ignoring_case(word, "false")) return Verdict::hopeless;
  if (equal_ignoring_case(word, "true") && verdict == Verdict::hopeless) {
    return response.status == 429 ? Verdict::throttled : Verdict::transient;
  }
  return verdict;
}

std::optional<Millis> retry_after(const Response& response, Instant now)
{
  const auto exact = parse_number(response.header("retry-after-ms"), 1);
  if (exact) return exact;
  const auto text = response.header("retry-after");
  const auto seconds = parse_number(text, 1000);
  if (seconds) return seconds;
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return millis(static_cast<double>(std::max(*date - now, Millis{0}).count()));
}

std::optional<Millis> parse_go_duration(std::string_view text)
{
  if (const auto plain = parse_number(text, 1000)) return plain;
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto number = take_number(text);
    const auto* const unit =
        std::find_if(units.begin(), units.end(), [&](const Unit& u) { return text.starts_with(u.name); });
    if (!number || unit == units.end()) return std::nullopt;
    total += *number * unit->ms;
    text.remove_prefix(unit->name.size());
  }
  return millis(total);
}

std::optional<Millis> wait_before_retry(const RetryPolicy& policy, int attempt, Verdict verdict,
                                        std::optional<Millis> hint, double jitter)
{
  if (verdict == Verdict::ok || verdict == Verdict::hopeless || attempt >= policy.attempts) return std::nullopt;
  if (hint > policy.longest_hint) return std::nullopt;
  constexpr int most_doublings = 20;
  const auto base = verdict == Verdict::throttled ? policy.throttled_base : policy.base;
  const auto grown = std::min(policy.ceiling, base * (std::int64_t{1} << std::clamp(attempt - 1, 0, most_doublings)));
  const auto share = 0.5 + 0.5 * std::clamp(jitter, 0.0, 1.0);
  const Millis own{std::llround(static_cast<double>(grown.count()) * share)};
  return hint.value_or(Millis{0}) + own;
}

Sleep sleep_unless(const Interrupt& interrupt)
{
  return [&interrupt](Millis time) {
    constexpr Millis step{100};
    const auto end = std::chrono::steady_clock::now() + time;
    while (!interrupt.asked()) {
      const auto left = end - std::chrono::steady_clock::now();
      if (left <= left.zero()) return true;
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, step));
    }
    return false;
  };
}

std::unique_ptr<Transport> retrying(Transport& inner, RetryPolicy policy, Sleep sleep)
{
  return std::make_unique<Retrying>(inner, policy, std::move(sleep));
}

} // namespace batchwright::http
