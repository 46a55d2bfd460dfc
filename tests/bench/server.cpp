// A server that costs as little as possible, to measure clients by: it answers every POST after a fixed time with a
// fixed small chat completion. One thread, epoll, some ten thousand connections. First line: `port N`; GET /stats tells
// what it saw, GET /arrivals when requests came, in milliseconds.
//
//   batchwright_bench_server [--port N] [--latency MS] [--tls DIRECTORY]
//
// With --tls it makes a certificate for 127.0.0.1, whose authority is DIRECTORY/ca.pem.
#include <batchwright/emulator/tls_certificate.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::uint16_t port = 0;
  std::chrono::milliseconds latency{200};
  std::string tls_directory = {};
};

Options read_options(int argc, char** argv)
{
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--port") options.port = static_cast<std::uint16_t>(std::atoi(argv[i + 1]));
    if (name == "--latency") options.latency = std::chrono::milliseconds{std::atoi(argv[i + 1])};
    if (name == "--tls") options.tls_directory = argv[i + 1];
  }
  return options;
}

std::string with_length(std::string_view headers, std::string_view body)
{
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}", body.size(),
                     headers, body);
}

std::string completion()
{
  return with_length("x-request-id: req_bench\r\nx-ratelimit-limit-requests: 3000000\r\n"
                     "x-ratelimit-limit-tokens: 900000000\r\nx-ratelimit-remaining-requests: 2999999\r\n"
                     "x-ratelimit-remaining-tokens: 899999990\r\nx-ratelimit-reset-requests: 1ms\r\n"
                     "x-ratelimit-reset-tokens: 1ms\r\n",
                     R"({
  "id": "chatcmpl-bench",
  "object": "chat.completion",
  "created": 1790000000,
  "model": "gpt-5-mini",
  "choices": [
    {
      "index": 0,
      "message": {"role": "assistant", "content": "positive", "refusal": null},
      "logprobs": null,
      "finish_reason": "stop"
    }
  ],
  "usage": {"prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 23}
}
)");
}

struct FreeTls {
  void operator()(SSL* tls) const { ::SSL_free(tls); }
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};

std::unique_ptr<SSL_CTX, FreeTls> make_context(const std::string& directory)
{
  const auto files = batchwright::emulator::make_tls_files(directory);
  std::unique_ptr<SSL_CTX, FreeTls> context{::SSL_CTX_new(::TLS_server_method())};
  if (::SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1 ||
      ::SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error{"the certificate cannot be read"};
  }
  ::SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

/// One client. Reads and writes never wait.
class Connection {
public:
  Connection(int socket, SSL_CTX* context) : m_socket(socket), m_tls(context ? ::SSL_new(context) : nullptr)
  {
    if (!m_tls) return;
    ::SSL_set_fd(m_tls.get(), socket);
    ::SSL_set_accept_state(m_tls.get());
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(m_socket); }

  int socket() const { return m_socket; }
  std::uint64_t serial = 0; ///< tells it from a later one with the same number

  /// Takes what has arrived; false when the client left.
  bool receive()
  {
    std::array<char, 16384> block;
    for (;;) {
      const auto got = m_tls ? ::SSL_read(m_tls.get(), block.data(), static_cast<int>(block.size()))
                             : static_cast<int>(::recv(m_socket, block.data(), block.size(), 0));
      if (got <= 0) return would_wait(got);
      m_in.append(block.data(), static_cast<std::size_t>(got));
    }
  }

  /// The first whole request, taken off; empty when there is none yet.
  std::string take_request()
  {
    const auto head = m_in.find("\r\n\r\n");
    if (head == std::string::npos) return {};
    const auto size = head + 4 + content_length(std::string_view{m_in}.substr(0, head));
    if (m_in.size() < size) return {};
    auto request = m_in.substr(0, size);
    m_in.erase(0, size);
    return request;
  }

  void queue(std::string_view bytes) { m_out += bytes; }
  bool has_more_to_send() const { return !m_out.empty(); }

  /// Sends what goes without waiting; false when the client left.
  bool send()
  {
    while (!m_out.empty()) {
      const auto sent = m_tls ? ::SSL_write(m_tls.get(), m_out.data(), static_cast<int>(m_out.size()))
                              : static_cast<int>(::send(m_socket, m_out.data(), m_out.size(), MSG_NOSIGNAL));
      if (sent <= 0) return would_wait(sent);
      m_out.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
  }

private:
  bool would_wait(int result) const
  {
    if (!m_tls) return result < 0 && errno == EAGAIN;
    const int why = ::SSL_get_error(m_tls.get(), result);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
  }

  static std::size_t content_length(std::string_view head)
  {
    std::string lower{head};
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    constexpr std::string_view name = "\r\ncontent-length:";
    const auto at = lower.find(name);
    return at == std::string::npos ? 0 : std::strtoul(lower.c_str() + at + name.size(), nullptr, 10);
  }

  const int m_socket;
  std::unique_ptr<SSL, FreeTls> m_tls;
  std::string m_in = {};
  std::string m_out = {};
};

class Server {
public:
  explicit Server(const Options& options) : m_latency(options.latency)
  {
    if (!options.tls_directory.empty()) m_context = make_context(options.tls_directory);
    listen(options.port);
  }

  std::uint16_t port() const
  {
    sockaddr_in address = {};
    socklen_t size = sizeof address;
    ::getsockname(m_listener, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

  [[noreturn]] void run()
  {
    std::array<epoll_event, 1024> events;
    for (;;) {
      const int count = ::epoll_wait(m_epoll, events.data(), static_cast<int>(events.size()), time_to_wait());
      for (int i = 0; i < count; ++i) {
        if (events[static_cast<std::size_t>(i)].data.fd == m_listener) {
          accept_all();
        } else {
          serve(events[static_cast<std::size_t>(i)].data.fd);
        }
      }
      answer_due();
    }
  }

private:
  // The time is the same for all, so the first in is the first out.
  struct Due {
    Clock::time_point at;
    int socket;
    std::uint64_t serial;
  };

  void listen(std::uint16_t port)
  {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    ::setsockopt(m_listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(m_listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(m_listener, 8192) != 0) {
      throw std::runtime_error{std::strerror(errno)};
    }
    watch(EPOLL_CTL_ADD, m_listener, EPOLLIN);
  }

  void watch(int how, int socket, std::uint32_t events) const
  {
    epoll_event event = {};
    event.events = events;
    event.data.fd = socket;
    ::epoll_ctl(m_epoll, how, socket, &event);
  }

  int time_to_wait() const
  {
    if (m_due.empty()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(m_due.front().at - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
  }

  void accept_all()
  {
    for (;;) {
      const int socket = ::accept4(m_listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      const int yes = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      auto connection = std::make_unique<Connection>(socket, m_context.get());
      connection->serial = ++m_accepted;
      m_connections[socket] = std::move(connection);
      watch(EPOLL_CTL_ADD, socket, EPOLLIN);
    }
  }

  void serve(int socket)
  {
    const auto found = m_connections.find(socket);
    if (found == m_connections.end()) return;
    auto& connection = *found->second;
    const bool open = connection.receive();
    for (auto request = connection.take_request(); !request.empty(); request = connection.take_request()) {
      if (request.starts_with("GET")) {
        connection.queue(request.starts_with("GET /arrivals") ? arrivals() : stats());
      } else {
        const auto now = Clock::now();
        m_arrivals.push_back(
            static_cast<std::uint32_t>(std::chrono::round<std::chrono::milliseconds>(now - m_begun).count()));
        m_due.push_back({now + m_latency, socket, connection.serial});
        m_most_in_flight = std::max(m_most_in_flight, m_due.size());
      }
    }
    if (!open) {
      m_connections.erase(found);
    } else {
      send(connection);
    }
  }

  void answer_due()
  {
    const auto now = Clock::now();
    while (!m_due.empty() && m_due.front().at <= now) {
      const auto due = m_due.front();
      m_due.pop_front();
      const auto found = m_connections.find(due.socket);
      if (found == m_connections.end() || found->second->serial != due.serial) continue;
      found->second->queue(m_completion);
      send(*found->second);
    }
  }

  void send(Connection& connection)
  {
    const int socket = connection.socket();
    const bool was_waiting = connection.has_more_to_send();
    if (!connection.send()) {
      m_connections.erase(socket);
    } else if (was_waiting) {
      watch(EPOLL_CTL_MOD, socket, connection.has_more_to_send() ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
  }

  std::string stats() const
  {
    rusage used = {};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return with_length("", fmt::format(R"({{"requests":{},"connections":{},"most_in_flight":{},"cpu_s":{:.2f}}})",
                                       m_arrivals.size(), m_accepted, m_most_in_flight,
                                       seconds(used.ru_utime) + seconds(used.ru_stime)));
  }

  std::string arrivals() const { return with_length("", fmt::format("[{}]", fmt::join(m_arrivals, ","))); }

  const Clock::time_point m_begun = Clock::now();
  const std::chrono::milliseconds m_latency;
  const std::string m_completion = completion();
  std::unique_ptr<SSL_CTX, FreeTls> m_context = {};
  const int m_listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int m_epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::unordered_map<int, std::unique_ptr<Connection>> m_connections = {};
  std::deque<Due> m_due = {};
  std::vector<std::uint32_t> m_arrivals = {}; // one a request
  std::uint64_t m_accepted = 0;
  std::size_t m_most_in_flight = 0;
};

} // namespace

int main(int argc, char** argv)
try {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files = {};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  Server server{read_options(argc, argv)};
  fmt::print("port {}\n", server.port());
  std::fflush(stdout);
  server.run();
} catch (const std::exception& e) {
  fmt::print(stderr, "bench server: {}\n", e.what());
  return 1;
}
