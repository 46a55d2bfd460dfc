#include <batchwright/realtime/bucket.hpp>

#include <algorithm>
#include <cmath>

namespace batchwright::realtime {
namespace {

/// What the server has left is used freely down to this share of its limit, then ever more slowly.
constexpr double scarce = 0.05;
/// What others may have taken of the limit since we last heard: the longer ago, the earlier we slow down.
constexpr double others_at_most = 1.0 / 3;
constexpr double scarce_at_most = 0.5;
/// Where the server seems to have nothing left, so much of the limit is tried nevertheless.
constexpr double least_throttle = 0.02;
constexpr double least_refill = 0.05;
constexpr double most_refill = 2;
/// Requests arrive closer together than they were sent, so a burst is a little smaller than it may be.
constexpr double burst_used = 0.9;
/// Over how many minutes the traffic of others is averaged at least, and over how many requests of ours the limit has
/// room for: what is told of a small limit comes in coarse steps.
constexpr double others_span = 5.0 / 60;
constexpr double others_requests = 5;
/// The server must have so many times what a request takes: estimates are not exact, and others send meanwhile.
constexpr double left_for_one = 1.5;
/// A level that comes so near has come: fractions are rounded.
constexpr double rounding = 1e-9;
constexpr double longest_wait = 24 * 60;
/// In this time a rate that follows the server's level changes little.
constexpr Millis step{100};

double minutes(Millis span)
{
  return static_cast<double>(std::max(span, Millis{0}).count()) / 60'000;
}

double minutes_until(double missing, double rate)
{
  if (missing <= rounding) return 0;
  return std::min(longest_wait, missing / rate);
}

/// The weight of a difference over `span` minutes in an average over `whole` of them: many short ones weigh as much as
/// one long one.
double weight_of(double span, double whole)
{
  return span > 0 ? -std::expm1(-span / whole) / span : 1 / whole;
}

std::optional<double> smaller(std::optional<double> a, std::optional<double> b)
{
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

} // namespace

Bucket::Bucket(const BucketOptions& options, Instant now) : m_options(options), m_server(options.known), m_at(now)
{
  m_rate = present_rate();
  if (m_rate) m_level = capacity();
}

void Bucket::restrict(std::optional<double> given, double headroom)
{
  m_options.given = smaller(m_options.given, given);
  m_options.headroom = std::max(m_options.headroom, headroom);
}

std::optional<double> Bucket::limit() const
{
  return smaller(m_options.given, m_server);
}

std::optional<double> Bucket::present_rate() const
{
  const auto bound = limit() ? limit() : m_assumed;
  if (!bound) return std::nullopt;
  return *bound * (1 - m_options.headroom) * m_factor * throttle();
}

void Bucket::advance(Instant now, double factor)
{
  while (m_at + step < now && throttle() < 1)
    refill(m_at + step);
  refill(now);
  m_factor = factor;
  refill(now);
}

void Bucket::refill(Instant now)
{
  const double refilled = m_rate ? m_level + *m_rate * minutes(now - m_at) : 0;
  m_at = now;
  m_rate = present_rate();
  m_level = std::min(refilled, capacity());
}

double Bucket::capacity() const
{
  // One request at least fits; of tokens a larger one goes when the bucket is full.
  return m_rate ? std::max(1.0, *m_rate * minutes(m_options.burst) * burst_used) : 0;
}

double Bucket::kept_back() const
{
  return m_options.headroom * *m_server;
}

double Bucket::server_refill() const
{
  return std::clamp(*m_server - m_others, least_refill * *m_server, most_refill * *m_server);
}

std::optional<double> Bucket::server_left() const
{
  if (!m_heard) return std::nullopt;
  const double refilled = m_heard->left + server_refill() * minutes(m_at - m_heard->at);
  return std::min(*m_server, refilled - (m_taken - m_heard->taken));
}

double Bucket::throttle() const
{
  const auto left = server_left();
  if (!left) return 1;
  const double share = std::min(scarce_at_most, scarce + others_at_most * minutes(m_at - m_heard->at));
  const double band = share * (*m_server - kept_back());
  return std::clamp((*left - kept_back()) / band, least_throttle, 1.0);
}

double Bucket::wait_for(double cost) const
{
  double wait = 0;
  if (m_rate) wait = minutes_until(std::min(cost, capacity()) - m_level, *m_rate);
  if (const auto left = server_left()) {
    const double needed = std::min(*m_server, cost * left_for_one + kept_back());
    wait = std::max(wait, minutes_until(needed - *left, server_refill()));
  }
  return wait;
}

Instant Bucket::ready_at(double cost) const
{
  // While the server has little left our rate grows with time, so the way there goes in steps. It ends: the server's
  // bucket fills, others or not.
  Bucket then = *this;
  while (then.throttle() < 1 && then.wait_for(cost) > minutes(step))
    then.refill(then.m_at + step);
  return then.m_at + Millis{static_cast<std::int64_t>(std::ceil(then.wait_for(cost) * 60'000 - rounding))};
}

void Bucket::take(double cost)
{
  m_level -= cost;
  m_taken += cost;
}

void Bucket::give_back(double amount)
{
  m_level = std::min(m_level + amount, capacity());
}

void Bucket::unsent(const Charge& charge)
{
  give_back(charge.cost);
  // Of an earlier one the server's word tells already that it did not come.
  if (m_heard && charge.serial > *m_newest) m_heard->left += charge.cost;
}

void Bucket::hear(const Charge& charge, std::optional<std::int64_t> limit, std::optional<std::int64_t> remaining)
{
  if (m_newest && charge.serial < *m_newest) return;
  if (limit || remaining) m_newest = charge.serial;
  if (limit && *limit > 0) m_server = static_cast<double>(*limit);
  if (!remaining || !m_server) return;
  const double left = std::clamp(static_cast<double>(*remaining), 0.0, *m_server);
  if (m_heard) learn_others(charge, left);
  m_heard = Heard{.at = charge.at, .left = left, .taken = charge.before + charge.cost};
}

void Bucket::learn_others(const Charge& charge, double left)
{
  const double span = minutes(charge.at - m_heard->at);
  const double refilled = m_heard->left + *m_server * span - (charge.before - m_heard->taken);
  const double missing = std::min(*m_server, refilled) - charge.charged - left;
  const double whole = std::max(others_span, others_requests * charge.cost / *m_server);
  m_others = m_others * std::exp(-span / whole) + missing * weight_of(span, whole);
  m_others = std::clamp(m_others, -*m_server, *m_server);
}

} // namespace batchwright::realtime
