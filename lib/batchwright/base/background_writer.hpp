// Writing on a thread of its own, while what is to be written is made.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

namespace batchwright {

/// Collects bytes into blocks and hands them, in order, to what writes them: the first block begins a thread for that,
/// what is less than a block needs none. Memory: three blocks of 256 KiB, or of what is written at once.
class BackgroundWriter {
public:
  using Put = std::function<void(std::string_view bytes)>;

  explicit BackgroundWriter(Put put);
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;
  /// Waits for the block at work; what was not put yet is dropped.
  ~BackgroundWriter();

  /// Throws what `put` threw, be it for bytes of an earlier call; after that, nothing more is put.
  void write(std::string_view bytes);
  /// After it, all was put, on threads that are no more. Throws as write().
  void finish();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace batchwright
