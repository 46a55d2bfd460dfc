// The addresses of one host, looked up once for many connections that begin at about the same time.
#pragma once

#include <batchwright/http/dialler.hpp>
#include <batchwright/http/pool.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <utility>

namespace batchwright::http {

/// Safe from many threads.
class Names {
public:
  using Lookup = std::function<Addresses(const std::string& host)>;

  explicit Names(std::string host, Lookup lookup = resolve, std::function<Uptime()> now = uptime)
      : m_host(std::move(host)), m_lookup(std::move(lookup)), m_now(std::move(now))
  {
  }

  struct Found {
    Addresses addresses = {};
    std::uint64_t lookup = 0; ///< which one found them
  };

  /// The addresses as they were found a moment ago, else by a lookup; who comes while one is under way waits for it and
  /// shares what it finds, be it nothing. Throws Broken.
  Found find();
  /// None of the addresses answered: whoever comes next looks again. Of older lookups nothing is known any more.
  void forget(std::uint64_t lookup);

  /// Names lead elsewhere now and then, and no resolver tells how soon.
  static constexpr std::chrono::seconds kept{10};

private:
  const std::string m_host;
  const Lookup m_lookup;
  const std::function<Uptime()> m_now;
  std::mutex m_mutex;
  std::shared_future<Addresses> m_addresses = {}; // not valid: none known
  std::uint64_t m_number = 0;
  Uptime m_since = {};
};

} // namespace batchwright::http
