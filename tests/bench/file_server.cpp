// A server of files that costs as little as possible, to measure transfers by: it throws away what is uploaded, and
// sends one file over and over. A thread for each connection, blocks of 256 KB, TLS alone. First line: `port N`.
//
//   batchwright_bench_file_server FILE DIRECTORY      its authority is DIRECTORY/ca.pem
//
//   POST /v1/files               {"id":"file-bench","object":"file","bytes":N}, N of the whole body
//   GET /v1/files/ID             the same of FILE
//   GET /v1/files/ID/content     FILE
#include <batchwright/base/files.hpp>
#include <batchwright/emulator/tls_certificate.hpp>

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using batchwright::Descriptor;

constexpr std::size_t block_size = std::size_t{256} * 1024;

/// A file as memory, for the life of the process.
std::string_view mapped(const std::filesystem::path& path)
{
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  const auto size = std::filesystem::file_size(path);
  void* const begin = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), 0);
  if (begin == MAP_FAILED) throw std::runtime_error{"the file cannot be mapped"};
  return {static_cast<const char*>(begin), size};
}

struct FreeTls {
  void operator()(SSL* tls) const { ::SSL_free(tls); }
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;

TlsContext make_context(const std::filesystem::path& directory)
{
  const auto files = batchwright::emulator::make_tls_files(directory);
  TlsContext context{::SSL_CTX_new(::TLS_server_method())};
  if (::SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1 ||
      ::SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error{"the certificate cannot be read"};
  }
  ::SSL_CTX_set_read_ahead(context.get(), 1); // of what has arrived more than a record is taken at a time
  ::SSL_CTX_set_default_read_buffer_len(context.get(), block_size);
  return context;
}

/// One client, answered until it leaves.
class Connection {
public:
  Connection(Descriptor socket, SSL_CTX* context, std::string_view file)
      : m_socket(std::move(socket)), m_tls(::SSL_new(context)), m_file(file)
  {
    ::SSL_set_fd(m_tls.get(), m_socket.get());
  }

  void serve()
  {
    if (::SSL_accept(m_tls.get()) != 1) return;
    while (read_head())
      if (!answer()) return;
  }

private:
  bool read_head()
  {
    for (;;) {
      const auto end = m_in.find("\r\n\r\n");
      if (end != std::string::npos) {
        m_head = m_in.substr(0, end + 2);
        m_in.erase(0, end + 4);
        std::transform(m_head.begin(), m_head.end(), m_head.begin(), [](unsigned char c) { return std::tolower(c); });
        return true;
      }
      const auto got = receive();
      if (got == 0) return false;
      m_in.append(m_block.data(), got);
    }
  }

  bool answer()
  {
    if (m_head.starts_with("post")) {
      const auto length = content_length();
      return take_body(length) && send_object(length);
    }
    if (m_head.find("/content ") == std::string::npos) return send_object(m_file.size());
    return send(fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nContent-Length: {}\r\n\r\n",
                            m_file.size())) &&
           send(m_file);
  }

  std::uint64_t content_length() const
  {
    constexpr std::string_view name = "\r\ncontent-length: ";
    const auto at = m_head.find(name);
    std::uint64_t length = 0;
    if (at != std::string::npos) {
      std::from_chars(m_head.data() + at + name.size(), m_head.data() + m_head.size(), length);
    }
    return length;
  }

  bool take_body(std::uint64_t length)
  {
    if (m_head.find("\r\nexpect: 100-continue") != std::string::npos && !send("HTTP/1.1 100 Continue\r\n\r\n"))
      return false;
    for (auto left = length - std::min<std::uint64_t>(m_in.size(), length); left > 0;) {
      const auto got = receive();
      if (got == 0) return false;
      left -= std::min<std::uint64_t>(got, left);
    }
    m_in.clear(); // nobody sends the next request before this one is answered
    return true;
  }

  bool send_object(std::uint64_t bytes)
  {
    const auto body = fmt::format(R"({{"id":"file-bench","object":"file","bytes":{},"created_at":1790000000,)"
                                  R"("filename":"bench.jsonl","purpose":"batch","status":"processed"}})",
                                  bytes);
    return send(fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                            body.size(), body));
  }

  /// Into the block; 0: the client left.
  std::size_t receive()
  {
    return static_cast<std::size_t>(
        std::max(0, ::SSL_read(m_tls.get(), m_block.data(), static_cast<int>(m_block.size()))));
  }

  bool send(std::string_view bytes)
  {
    while (!bytes.empty()) {
      const int sent = ::SSL_write(m_tls.get(), bytes.data(), static_cast<int>(std::min(bytes.size(), block_size)));
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  Descriptor m_socket;
  std::unique_ptr<SSL, FreeTls> m_tls;
  std::string_view m_file;
  std::string m_head = {}; // in lower case
  std::string m_in = {};   // behind the head
  std::vector<char> m_block = std::vector<char>(block_size);
};

Descriptor listen_on_loopback()
{
  Descriptor listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 64) != 0) {
    throw std::runtime_error{"there is no port to listen on"};
  }
  return listener;
}

std::uint16_t port_of(const Descriptor& listener)
{
  sockaddr_in address = {};
  socklen_t size = sizeof address;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

[[noreturn]] void serve(const Descriptor& listener, SSL_CTX* context, std::string_view file)
{
  for (;;) {
    Descriptor socket{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!socket) continue;
    const int yes = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    std::thread{[connection = std::make_unique<Connection>(std::move(socket), context, file)] {
      connection->serve();
    }}.detach();
  }
}

} // namespace

int main(int argc, char** argv)
try {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} FILE DIRECTORY\n", argv[0]);
    return 64;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const auto file = mapped(argv[1]);
  const auto context = make_context(argv[2]);
  const auto listener = listen_on_loopback();
  fmt::print("port {}\n", port_of(listener));
  std::fflush(stdout);
  serve(listener, context.get(), file);
} catch (const std::exception& e) {
  fmt::print(stderr, "bench file server: {}\n", e.what());
  return 1;
}
