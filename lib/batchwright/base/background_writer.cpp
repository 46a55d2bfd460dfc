#include <batchwright/base/background_writer.hpp>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace batchwright {
namespace {

constexpr std::size_t block_size = 1 << 18; // that caches hold until it is used on the other side

} // namespace

struct BackgroundWriter::State {
  explicit State(Put to) : put(std::move(to)) {}

  ~State()
  {
    {
      const std::lock_guard lock{mutex};
      waiting.clear();
    }
    end_thread();
  }

  void hand_over()
  {
    if (!thread.joinable()) thread = std::thread{[this] { work(); }};
    {
      std::unique_lock lock{mutex};
      woken.wait(lock, [this] { return waiting.empty(); });
      rethrow();
      std::swap(filling, waiting);
    }
    woken.notify_all();
    filling.reserve(block_size);
  }

  void work()
  {
    std::string block;
    for (;;) {
      {
        std::unique_lock lock{mutex};
        woken.wait(lock, [this] { return !waiting.empty() || is_ending; });
        if (waiting.empty()) return;
        std::swap(block, waiting);
        if (failure) block.clear();
      }
      woken.notify_all();
      if (!block.empty()) try_to_put(block);
      block.clear();
    }
  }

  void try_to_put(std::string_view block)
  {
    try {
      put(block);
    } catch (...) {
      const std::lock_guard lock{mutex};
      failure = std::current_exception();
    }
  }

  /// After it, all that was handed over was put.
  void end_thread()
  {
    if (!thread.joinable()) return;
    {
      const std::lock_guard lock{mutex};
      is_ending = true;
    }
    woken.notify_all();
    thread.join();
    is_ending = false; // of the next, should there be one
  }

  void rethrow()
  {
    if (failure) std::rethrow_exception(failure);
  }

  Put put;
  std::string filling = {}; // the writer's

  std::mutex mutex = {}; // of what follows
  std::condition_variable woken = {};
  std::string waiting = {};
  bool is_ending = false;
  std::exception_ptr failure = {};

  std::thread thread = {};
};

BackgroundWriter::BackgroundWriter(Put put) : m_state(std::make_unique<State>(std::move(put))) {}
BackgroundWriter::~BackgroundWriter() = default;

void BackgroundWriter::write(std::string_view bytes)
{
  auto& s = *m_state;
  s.filling += bytes;
  if (s.filling.size() >= block_size) s.hand_over();
}

void BackgroundWriter::finish()
{
  auto& s = *m_state;
  s.end_thread();
  s.rethrow();
  if (!s.filling.empty()) s.put(std::exchange(s.filling, {}));
}

} // namespace batchwright
