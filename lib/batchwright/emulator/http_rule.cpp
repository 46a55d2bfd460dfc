#include <batchwright/emulator/http_rule.hpp>

namespace batchwright::emulator {

bool HttpFault::holds_at(Millis after) const
{
  return after.count() >= from_ms && (for_ms == 0 || after.count() - from_ms < for_ms);
}

bool HttpFault::answers() const
{
  switch (effect.action) {
  case Action::close:
  case Action::reset:
  case Action::hang:
  case Action::wrong_length:
    return false;
  case Action::delay:
  case Action::status:
  case Action::html:
  case Action::slow_down:
  case Action::drip:
  case Action::garbage:
  case Action::truncate:
    return true;
  }
  return true;
}

bool goes_with(Phase phase, Action action)
{
  switch (action) {
  case Action::delay:
  case Action::close:
  case Action::reset:
  case Action::hang:
  case Action::garbage:
    return true;
  case Action::status:
  case Action::html:
  case Action::slow_down:
    return phase != Phase::mid_body;
  case Action::drip:
  case Action::truncate:
    return phase != Phase::before_effect;
  case Action::wrong_length:
    return phase == Phase::after_effect;
  }
  return false;
}

} // namespace batchwright::emulator
