#include <batchwright/base/digested_file.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace batchwright {
namespace {

constexpr std::size_t block_size = 1 << 18; // that caches hold: it is read twice, once to digest, once to write

} // namespace

struct DigestedFile::State {
  explicit State(const std::filesystem::path& path) : file(path) { filling.reserve(block_size); }

  ~State() { end_thread(); }

  void put(std::string_view block)
  {
    sha.update(block);
    file.write(block);
  }

  /// Gives the thread what is filled. Throws what it met before.
  void hand_over()
  {
    if (!thread.joinable()) thread = std::thread{[this] { work(); }};
    std::unique_lock lock{mutex};
    woken.wait(lock, [this] { return waiting.empty(); });
    rethrow();
    std::swap(filling, waiting);
    lock.unlock();
    woken.notify_all();
    filling.reserve(block_size);
  }

  void work()
  {
    std::string block;
    for (;;) {
      std::unique_lock lock{mutex};
      woken.wait(lock, [this] { return !waiting.empty() || is_ending; });
      if (waiting.empty()) return;
      std::swap(block, waiting);
      const bool may_go_on = !failure;
      lock.unlock();
      woken.notify_all();
      if (may_go_on) try_to_put(block);
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

  AtomicFile file;
  Sha256 sha = {};
  std::uint64_t size = 0;
  std::string filling = {}; // the writer's

  std::mutex mutex = {}; // of what follows
  std::condition_variable woken = {};
  std::string waiting = {};
  bool is_ending = false;
  std::exception_ptr failure = {};

  std::thread thread = {};
};

DigestedFile::DigestedFile(const std::filesystem::path& path) : m_state(std::make_unique<State>(path)) {}
DigestedFile::~DigestedFile() = default;

void DigestedFile::write(std::string_view bytes)
{
  auto& s = *m_state;
  s.size += bytes.size();
  s.filling += bytes;
  if (s.filling.size() >= block_size) s.hand_over();
}

std::uint64_t DigestedFile::size() const noexcept
{
  return m_state->size;
}

std::string DigestedFile::sha256()
{
  auto& s = *m_state;
  s.end_thread();
  s.rethrow();
  s.put(s.filling);
  s.filling.clear();
  return s.sha.hex();
}

void DigestedFile::commit()
{
  m_state->file.commit();
}

} // namespace batchwright
