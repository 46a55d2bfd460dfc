#include <batchwright/base/error.hpp>
#include <batchwright/http/connection.hpp>

#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/StreamSocket.h>
#include <climits>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

namespace batchwright::http {
namespace {

/// The reason alone out of "error:0A000126:SSL routines::unexpected eof while reading".
std::string tls_reason(const std::string& text)
{
  const auto at = text.rfind("::");
  return at == std::string::npos ? text : text.substr(at + 2);
}

bool is_end(int code)
{
  return code == EPIPE || code == ECONNRESET || code == ECONNABORTED || code == ENOTCONN;
}

/// What is possible on a descriptor, once anything is.
int wait_for(int descriptor, short events, Millis idle)
{
  pollfd wanted{descriptor, events, 0};
  const int limit = idle > Millis{0} ? static_cast<int>(std::min<std::int64_t>(idle.count(), INT_MAX)) : -1;
  int ready = 0;
  do {
    ready = ::poll(&wanted, 1, limit);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) throw broken(Poco::TimeoutException{});
  if (ready < 0) throw Broken{Broken::How::failed, std::generic_category().message(errno)};
  return wanted.revents;
}

/// A socket that does not wait, for a scope. The raw socket's word counts for TLS over it, too.
class Unblocked {
public:
  explicit Unblocked(Poco::Net::StreamSocket& raw) : m_raw(raw) { m_raw.setBlocking(false); }
  Unblocked(const Unblocked&) = delete;
  Unblocked& operator=(const Unblocked&) = delete;
  ~Unblocked()
  {
    try {
      m_raw.setBlocking(true);
    } catch (const std::exception&) {
      // A socket that refuses this is closed; the next call tells it.
    }
  }

private:
  Poco::Net::StreamSocket& m_raw;
};

} // namespace

Poco::Timespan timespan(Millis time)
{
  constexpr Millis month{std::chrono::hours{24 * 30}};
  return Poco::Timespan{std::chrono::microseconds{time > Millis{0} ? time : month}.count()};
}

Broken broken(const Poco::Exception& trouble)
{
  using How = Broken::How;
  if (dynamic_cast<const Poco::TimeoutException*>(&trouble)) return {How::timed_out, "no sign of life in time"};
  if (dynamic_cast<const Poco::Net::SSLConnectionUnexpectedlyClosedException*>(&trouble)) {
    return {How::closed, "connection closed by the server"};
  }
  if (dynamic_cast<const Poco::Net::SSLException*>(&trouble)) {
    const auto reason = tls_reason(trouble.message());
    const bool ended = reason.find("unexpected eof") != std::string::npos;
    return ended ? Broken{How::closed, "connection closed by the server"} : Broken{How::failed, "TLS: " + reason};
  }
  const int code = trouble.code();
  if (dynamic_cast<const Poco::Net::ConnectionResetException*>(&trouble) || code == ECONNRESET) {
    return {How::closed, "connection reset by the server"};
  }
  if (is_end(code) || dynamic_cast<const Poco::Net::ConnectionAbortedException*>(&trouble)) {
    return {How::closed, "connection closed by the server"};
  }
  return {How::failed, code == 0 ? trouble.displayText() : std::generic_category().message(code)};
}

struct Connection::State {
  Poco::Net::StreamSocket raw;
  Poco::Net::StreamSocket socket;
  // Not a vector: pages that no answer reached are never touched, so many connections cost little memory.
  std::unique_ptr<char[]> buffer{new char[buffer_size]};
  std::size_t begin = 0;
  std::size_t end = 0;
  std::optional<Millis> idle = {}; // as last set

  /// Receives once into the free end; 0 at the end of the stream, negative where it would have to wait.
  int receive()
  {
    if (begin > 0) {
      std::memmove(buffer.get(), buffer.get() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    const int got = socket.receiveBytes(buffer.get() + end, static_cast<int>(buffer_size - end));
    if (got > 0) end += static_cast<std::size_t>(got);
    return got;
  }
};

Connection::Connection(const Poco::Net::StreamSocket& raw, const Poco::Net::StreamSocket& socket)
    : m_state(new State{.raw = raw, .socket = socket})
{
}

Connection::~Connection() = default;

int Connection::descriptor() const
{
  return m_state->raw.impl()->sockfd();
}

void Connection::set_idle_timeout(Millis idle) noexcept
{
  if (m_state->idle == idle) return;
  m_state->idle = idle;
  try {
    m_state->raw.setReceiveTimeout(timespan(idle));
    m_state->raw.setSendTimeout(timespan(idle));
  } catch (const std::exception&) {
    // A socket that refuses this is closed; the next call tells it.
  }
}

void Connection::send(std::string_view bytes)
{
  constexpr std::size_t block = std::size_t{1} << 20;
  try {
    while (!bytes.empty()) {
      const int sent = m_state->socket.sendBytes(bytes.data(), static_cast<int>(std::min(bytes.size(), block)));
      if (sent <= 0) throw Broken{Broken::How::closed, "connection closed by the server"};
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  } catch (const Poco::Exception& e) {
    throw broken(e);
  }
}

std::size_t Connection::send_or_receive(std::string_view bytes)
{
  auto& state = *m_state;
  const auto possible = wait_for(descriptor(), POLLIN | POLLOUT, state.idle.value_or(Millis{0}));
  try {
    const Unblocked unblocked{state.raw};
    // For TLS, readable may mean no more than a session ticket: then nothing is received, and that is no end.
    if ((possible & (POLLIN | POLLHUP | POLLERR)) != 0 && buffered().size() < buffer_size && state.receive() == 0) {
      throw Broken{Broken::How::closed, "connection closed by the server"};
    }
    if ((possible & POLLOUT) == 0) return 0;
    return static_cast<std::size_t>(std::max(0, state.socket.sendBytes(bytes.data(), static_cast<int>(bytes.size()))));
  } catch (const Poco::Exception& e) {
    throw broken(e);
  }
}

std::string_view Connection::buffered() const
{
  return {m_state->buffer.get() + m_state->begin, m_state->end - m_state->begin};
}

void Connection::consume(std::size_t bytes)
{
  m_state->begin += bytes;
}

bool Connection::fill()
{
  ensure(buffered().size() < buffer_size, "room in the receive buffer");
  try {
    return m_state->receive() > 0;
  } catch (const Poco::Exception& e) {
    throw broken(e);
  }
}

bool Connection::has_news() const noexcept
{
  // Not Poco's poll, which opens a file of the kernel's for each look.
  pollfd wanted{descriptor(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) != 0;
}

} // namespace batchwright::http
