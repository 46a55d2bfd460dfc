#include <batchwright/realtime/pace.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace batchwright::realtime {
namespace {

constexpr double after_refusal = 0.7;
constexpr double after_slow_down = 0.5;
/// What is held so long is not held at nothing, however often the server says so.
constexpr double lowest = 0.01;
constexpr double back_per_second = 0.01;
constexpr std::chrono::minutes hold{15};
constexpr double back_per_second_after_hold = 0.5 / (15 * 60);

double seconds(Millis span)
{
  return static_cast<double>(std::max(span, Millis{0}).count()) / 1000;
}

} // namespace

double Pace::ceiling(Instant now) const
{
  if (!m_hold) return std::numeric_limits<double>::infinity();
  return m_hold->factor + back_per_second_after_hold * seconds(now - m_hold->until);
}

void Pace::advance(Instant now, double top)
{
  const double passed = seconds(now - m_at);
  const double steady = std::clamp((1 - m_factor) / back_per_second, 0.0, passed);
  m_factor += back_per_second * steady;
  // Above 1 it is in proportion: there the rate is only assumed, and what it should be may be far away.
  m_factor *= std::exp(back_per_second * (passed - steady));
  m_factor = std::min({m_factor, top, ceiling(now)});
  m_at = now;
}

void Pace::lower()
{
  m_factor *= after_refusal;
}

void Pace::halve(Instant now)
{
  m_factor = std::max(lowest, m_factor * after_slow_down);
  m_hold = Hold{.factor = m_factor, .until = now + hold};
}

} // namespace batchwright::realtime
