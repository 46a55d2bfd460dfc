// A clock that is moved by hand.
#pragma once

#include <batchwright/base/clock.hpp>

namespace tests {

class HandClock final : public batchwright::Clock {
public:
  batchwright::Instant now() const override { return m_now; }
  void tick(batchwright::Millis by) { m_now += by; }

private:
  batchwright::Instant m_now = batchwright::system_clock().now();
};

} // namespace tests
