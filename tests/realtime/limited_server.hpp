// A server with limits a minute, and a client that sends to it as fast as a limiter lets it, on a virtual clock. Its
// buckets are written anew here, so that no mistake is shared with what they judge.
#pragma once

#include <batchwright/realtime/limiter.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <random>
#include <vector>

namespace tests {

using batchwright::Instant;
using batchwright::Millis;

/// What the server did; counted by when a request came in.
struct Tally {
  double accepted = 0;
  double tokens = 0; ///< charged for those
  double refused = 0;
  double others_requests = 0; ///< what others got
  double others_tokens = 0;
  double least_tokens = 1e18; ///< that were in the bucket

  double share_refused() const { return refused / (accepted + refused); }
};

struct Scene {
  double rpm = 3'000;
  double tpm = 500'000;
  Millis latency{1'000};
  double cost = 200;       ///< charged tokens of a request, on the average
  double error = 0.3;      ///< by how much our estimate of it may be wrong, both ways
  double charged_more = 1; ///< charges so many times what is told as used
  std::size_t most_in_flight = 1'000;
  bool headers = true;
  bool by_the_second = false; ///< enforces a sixtieth of the limits over each second, too
  bool hints = true;          ///< refusals carry retry_after
  /// The share of the limits others would take at a time, in seconds from the start.
  std::function<double(double)> others = [](double) { return 0.0; };
  /// What the limits are multiplied with at a time.
  std::function<double(double)> limits = [](double) { return 1.0; };
  /// Whether everything is refused at a time.
  std::function<bool(double)> down = [](double) { return false; };
};

class Run {
public:
  Run(const Scene& scene, const batchwright::realtime::LimiterOptions& options)
      : m_scene(scene), m_limiter(options, m_start)
  {
    m_requests.left = scene.rpm;
    m_tokens.left = scene.tpm;
    m_second_requests.left = scene.rpm / 60;
    m_second_tokens.left = scene.tpm / 60;
  }

  /// Sends all the time, until so many seconds from the start; what happened since the last call.
  Tally until(double seconds);

  batchwright::realtime::Limiter& limiter() { return m_limiter; }
  Instant now() const { return m_now; }

private:
  struct Level {
    double left = 0;
    void refill(double by, double most) { left = std::min(most, left + by); }
    bool holds(double amount) const { return left + 1e-6 >= amount; }
  };
  struct Flight {
    batchwright::realtime::Ticket ticket = {};
    double used = 0;
    bool came_in = false;
    bool refused = false;
    std::optional<Millis> hint = {};
    batchwright::api::RateHeaders rates = {};
  };
  struct Event {
    Instant at = {};
    std::uint64_t order = 0;
    std::size_t flight = 0;
    bool operator<(const Event& other) const { return other.at < at || (other.at == at && other.order < order); }
  };

  double since_start(Instant t) const { return static_cast<double>((t - m_start).count()) / 1000; }
  double draw(double low, double high) { return std::uniform_real_distribution<double>{low, high}(m_random); }
  Millis around(Millis span, double by)
  {
    return Millis{static_cast<std::int64_t>(static_cast<double>(span.count()) * draw(1 - by, 1 + by))};
  }
  void plan(Instant at, std::size_t flight) { m_events.push({at, m_order++, flight}); }
  void send();
  void refill();
  void come_in(Flight& flight, std::size_t index);
  void come_back(const Flight& flight);

  const Instant m_start = Instant{std::chrono::hours{500'000}};
  Scene m_scene;
  batchwright::realtime::Limiter m_limiter;
  Instant m_now = m_start;
  Instant m_refilled = m_start;
  Level m_requests, m_tokens, m_second_requests, m_second_tokens;
  std::priority_queue<Event> m_events;
  std::vector<Flight> m_flights;
  std::uint64_t m_order = 0;
  std::minstd_rand m_random{7};
  double m_next_used = 0;
  std::int64_t m_next_estimate = 0;
  Tally m_tally;
};

inline void Run::refill()
{
  // In small steps: what others do and what the limits are changes with time.
  for (; m_refilled < m_now; m_refilled += Millis{1}) {
    const double t = since_start(m_refilled);
    const double rpm = m_scene.rpm * m_scene.limits(t);
    const double tpm = m_scene.tpm * m_scene.limits(t);
    constexpr double step = 1.0 / 60'000;
    m_requests.refill(rpm * step, rpm);
    m_tokens.refill(tpm * step, tpm);
    m_second_requests.refill(rpm * step, rpm / 60);
    m_second_tokens.refill(tpm * step, tpm / 60);
    const double others = m_scene.others(t) * step;
    const double got_requests = std::min(std::max(0.0, m_requests.left), rpm * others);
    const double got_tokens = std::min(std::max(0.0, m_tokens.left), tpm * others);
    m_requests.left -= got_requests;
    m_tokens.left -= got_tokens;
    m_tally.others_requests += got_requests;
    m_tally.others_tokens += got_tokens;
  }
}

inline void Run::come_in(Flight& flight, std::size_t index)
{
  refill();
  const double t = since_start(m_now);
  const double charge = flight.used * m_scene.charged_more;
  m_tally.least_tokens = std::min(m_tally.least_tokens, m_tokens.left);
  const bool second = !m_scene.by_the_second || (m_second_requests.holds(1) && m_second_tokens.holds(charge));
  flight.came_in = true;
  flight.refused = m_scene.down(t) || !second || !m_requests.holds(1) || !m_tokens.holds(charge);
  m_requests.left = std::max(0.0, m_requests.left - 1);
  m_second_requests.left = std::max(0.0, m_second_requests.left - 1);
  const double rpm = m_scene.rpm * m_scene.limits(t);
  const double tpm = m_scene.tpm * m_scene.limits(t);
  if (flight.refused) {
    m_tally.refused += 1;
    const double wait = std::max({0.001, (1 - m_requests.left) / rpm * 60, (charge - m_tokens.left) / tpm * 60});
    if (m_scene.hints) flight.hint = Millis{static_cast<std::int64_t>(wait * 1000) + 1};
  } else {
    m_tally.accepted += 1;
    m_tally.tokens += charge;
    m_tokens.left -= charge;
    m_second_tokens.left -= charge;
  }
  if (m_scene.headers) {
    flight.rates = {.limit_requests = static_cast<std::int64_t>(rpm),
                    .limit_tokens = static_cast<std::int64_t>(tpm),
                    .remaining_requests = static_cast<std::int64_t>(m_requests.left),
                    .remaining_tokens = static_cast<std::int64_t>(m_tokens.left)};
  }
  plan(m_now + around(flight.refused ? Millis{50} : m_scene.latency, 0.2), index);
}

inline void Run::come_back(const Flight& flight)
{
  if (flight.refused) return m_limiter.refused(flight.ticket, flight.hint, flight.rates, m_now);
  m_limiter.answered(flight.ticket, static_cast<std::int64_t>(flight.used), flight.rates, m_now);
}

inline void Run::send()
{
  m_flights.push_back({.ticket = m_limiter.take(m_next_estimate, m_now), .used = m_next_used});
  m_next_used = 0;
  plan(m_now + around(Millis{30}, 0.5), m_flights.size() - 1);
}

inline Tally Run::until(double seconds)
{
  const auto end = m_start + Millis{static_cast<std::int64_t>(seconds * 1000)};
  m_tally = {};
  while (true) {
    if (m_next_used == 0) {
      m_next_used = std::floor(m_scene.cost * draw(0.5, 1.5));
      const double told = m_next_used * m_scene.charged_more * draw(1 - m_scene.error, 1 + m_scene.error);
      m_next_estimate = static_cast<std::int64_t>(told);
    }
    // Each flight has one event to come.
    const bool room = m_events.size() < m_scene.most_in_flight;
    const auto ready = room ? std::max(m_now, m_limiter.ready_at(m_next_estimate, m_now)) : end;
    const auto next = m_events.empty() ? end : m_events.top().at;
    if (std::min(ready, next) >= end) break;
    m_now = std::min(ready, next);
    if (ready <= next) {
      send();
      continue;
    }
    const auto index = m_events.top().flight;
    m_events.pop();
    if (m_flights[index].came_in) {
      come_back(m_flights[index]);
    } else {
      come_in(m_flights[index], index);
    }
  }
  m_now = end;
  refill();
  return m_tally;
}

} // namespace tests
