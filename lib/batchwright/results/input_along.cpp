#include <batchwright/results/input_along.hpp>

namespace batchwright::results {

InputAlong::InputAlong(const Job& job) : m_pins(job.inputs)
{
  m_pins.check();
  m_stream = input::open(job.inputs, {.skip_bad = job.skip_bad, .unread = input::Unread::yes});
}

const input::Item& InputAlong::item(Ordinal ordinal)
{
  const auto* item = m_stream->next();
  while (item && item->mark.ordinal < ordinal)
    item = m_stream->next();
  ensure(item && item->mark.ordinal == ordinal, "the pinned input holds the job's items in order");
  return *item;
}

void InputAlong::end()
{
  m_pins.check();
}

} // namespace batchwright::results
