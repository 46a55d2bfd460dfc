// Inputs pinned in two steps, so that their digests are made while they are read for what they are.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>

#include <future>
#include <stop_token>
#include <string>
#include <vector>

namespace batchwright::input {

/// As pin(); but a file's digest is still to be made: it is empty.
PinnedInput look_at(const std::string& path, InputFormat format, Empty empty = Empty::refuse);

/// Makes the digests that are missing, on a thread of its own.
class Digesting {
public:
  explicit Digesting(const std::vector<PinnedInput>& inputs);
  Digesting(const Digesting&) = delete;
  Digesting& operator=(const Digesting&) = delete;
  /// Stops, if it is not done.
  ~Digesting();

  /// Waits, and fills the digests in; done again, it does nothing. REQUIRED: the inputs that it was made for. Throws
  /// `Fault::storage` for a file that cannot be read any more, `Fault::input` for one that was written to since this
  /// was made: what others read of it meanwhile may not be what was digested.
  void end(std::vector<PinnedInput>& inputs);

private:
  std::vector<std::string> m_looks = {}; // of each input, before any of it was read; empty where there was a digest
  std::stop_source m_stop = {};
  std::future<std::vector<std::string>> m_digests = {}; // one for each input; empty where there was one
};

} // namespace batchwright::input
