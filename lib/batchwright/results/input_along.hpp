// The pinned inputs of a job, read along while its outcomes are written. Private to results/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/model/job.hpp>

#include <memory>

namespace batchwright::results {

class InputAlong {
public:
  /// Throws `Fault::input` where an input is not what was pinned.
  explicit InputAlong(const Job& job);

  /// The item of this ordinal, for KeptItems: a line of JSON is not read. REQUIRED: ordinals are asked for in ascending
  /// order. Valid until the next call.
  const input::Item& item(Ordinal ordinal);
  /// Throws `Fault::input` where an input is no longer what was pinned.
  void end();

private:
  input::Pins m_pins;
  std::unique_ptr<input::Stream> m_stream = {};
};

} // namespace batchwright::results
