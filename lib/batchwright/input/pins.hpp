// Whether pinned inputs are still what they were. Comes in: inputs as they were pinned. Goes out: nothing, or the error
// that names the changed file. A digest is taken only where a file's size and times do not vouch for it.
#pragma once

#include <batchwright/base/error.hpp>
#include <batchwright/model/job.hpp>

#include <mutex>
#include <vector>

namespace batchwright::input {

/// Safe from many threads.
class Pins {
public:
  explicit Pins(std::vector<PinnedInput> inputs) : m_inputs(std::move(inputs)) {}

  /// Throws `Fault::input` naming a file that is not the one that was pinned, `Fault::storage` for one that is gone.
  void check();

  /// Does what reads the inputs, between two looks at them: nothing that was read from a changed file is returned, and
  /// where the reading fails because of a change, the change is what is told.
  template<class Work>
  auto hold(const Work& work)
  {
    check();
    try {
      auto result = work();
      check();
      return result;
    } catch (const Error&) {
      check();
      throw;
    }
  }

  /// The inputs with the witnesses of the last check.
  std::vector<PinnedInput> inputs();

private:
  std::mutex m_mutex = {};
  std::vector<PinnedInput> m_inputs; // with the witness of the last look
};

} // namespace batchwright::input
