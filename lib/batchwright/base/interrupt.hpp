// Ctrl-C and SIGTERM as something one can ask about and wait on.
#pragma once

#include <atomic>

namespace batchwright {

/// Counts how often the user asked to stop: once is "finish what is in flight", twice is "now".
class Interrupt {
public:
  Interrupt() = default;
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// How often it was asked; 0 means go on.
  int count() const noexcept { return m_count.load(std::memory_order_relaxed); }
  bool asked() const noexcept { return count() > 0; }
  /// The signal that asked last, 0 when none did.
  int signal() const noexcept { return m_signal.load(std::memory_order_relaxed); }

  /// Asks to stop; safe in a signal handler.
  void ask(int signal) noexcept
  {
    m_signal.store(signal, std::memory_order_relaxed);
    m_count.fetch_add(1, std::memory_order_relaxed);
  }

private:
  std::atomic<int> m_count{0};
  std::atomic<int> m_signal{0};
};

/// The process's own interrupt, fed by SIGINT and SIGTERM once `catch_signals()` was called.
Interrupt& process_interrupt();

/// Routes SIGINT and SIGTERM to `process_interrupt()` and ignores SIGPIPE. Called once, by main.
void catch_signals();

} // namespace batchwright
