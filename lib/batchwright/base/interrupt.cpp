#include <batchwright/base/interrupt.hpp>

#include <csignal>

namespace batchwright {
namespace {

void on_signal(int signal)
{
  process_interrupt().ask(signal);
}

} // namespace

Interrupt& process_interrupt()
{
  static Interrupt interrupt;
  return interrupt;
}

void catch_signals()
{
  process_interrupt(); // made now: a signal handler must not be the first to make it
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

} // namespace batchwright
