// Large answers of many calls at once, without filling the memory: beyond 1 MiB they go to a file without a name while
// they come in, and one at a time is read back.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/http/transport.hpp>

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace batchwright::api {

/// Thrown out of a BodySpool for a body that is not taken.
struct TooLarge {};

/// Takes one body: in memory up to 1 MiB, in a file up to 64 MiB. Throws `Fault::disk`, TooLarge.
class BodySpool final : public http::Sink {
public:
  /// `directory` outlives it.
  explicit BodySpool(const std::filesystem::path& directory) : m_directory(directory) {}

  void begin(const http::Response& head) override { m_told = &head; }
  void write(std::string_view block) override;

  /// What was told before a body that is not taken.
  const http::Response& head() const { return m_head; }
  bool in_file() const { return m_file.has_value(); }
  /// The whole body; the file goes. Throws `Fault::storage`.
  std::string take();
  void discard();

  static constexpr std::uint64_t most_in_memory = std::uint64_t{1} << 20;
  static constexpr std::uint64_t largest = std::uint64_t{64} << 20;

private:
  const std::filesystem::path& m_directory;
  const http::Response* m_told = nullptr; // as long as the body comes in
  http::Response m_head = {};             // of one that is not taken: few are, and copies cost
  std::string m_memory = {};
  std::optional<UnnamedFile> m_file = {};
  std::uint64_t m_size = 0;
};

/// Lets one thread at a time.
class Turns {
public:
  /// Waits until no other thread has the turn. It is given back when the last copy of the value goes, be that after
  /// this object. A thread that has it gets it again at once: it would wait for itself.
  std::shared_ptr<const void> wait();

private:
  struct State {
    std::mutex mutex = {};
    std::condition_variable given_back = {};
    int held = 0;
    std::thread::id holder = {};
  };
  std::shared_ptr<State> m_state = std::make_shared<State>();
};

} // namespace batchwright::api
