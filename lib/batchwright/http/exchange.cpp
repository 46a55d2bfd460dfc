#include <batchwright/base/error.hpp>
#include <batchwright/base/id.hpp>
#include <batchwright/http/exchange.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace batchwright::http {
namespace {

constexpr std::size_t upload_block = std::size_t{256} * 1024;
constexpr std::size_t largest_body = std::size_t{64} << 20;

[[noreturn]] void not_http(std::string_view what)
{
  throw Broken{Broken::How::failed, fmt::format("the answer is not HTTP: {}", what)};
}

std::string_view word(Method method)
{
  switch (method) {
  case Method::get:
    return "GET";
  case Method::post:
    return "POST";
  case Method::del:
    return "DELETE";
  }
  return "GET";
}

/// A status line that begins an answer, not a 100 Continue or another promise of one.
bool begins_answer(std::string_view bytes)
{
  constexpr std::size_t first_digit = 9;
  return bytes.size() > first_digit && bytes[first_digit] != '1';
}

/// Sends the file block by block. Stops early when the server answers before it saw everything: a refusal that is read
/// now is worth more than the reset that follows. True when all was sent.
bool send_file(Connection& connection, Outgoing& out)
{
  std::string block(upload_block, '\0');
  std::uint64_t sent = 0;
  while (sent < out.file_bytes) {
    const auto want = std::min<std::uint64_t>(block.size(), out.file_bytes - sent);
    const auto got = out.file->read(block.data(), static_cast<std::size_t>(want));
    if (got == 0) throw Error{Fault::storage, "uploading: the file became shorter while it was sent"};
    for (auto rest = std::string_view{block}.substr(0, got); !rest.empty();) {
      rest.remove_prefix(connection.send_or_receive(rest));
      if (begins_answer(connection.buffered())) return false;
    }
    sent += got;
    if (out.on_sent) out.on_sent(sent);
  }
  return true;
}

bool send_request(Connection& connection, Outgoing& out)
{
  connection.send(out.before);
  out.before = {}; // an answer may be long in coming
  if (out.file && !send_file(connection, out)) return false;
  if (!out.after.empty()) connection.send(out.after);
  return true;
}

/// Reads the answer into a response; whatever was read stays there when the connection breaks half-way.
class Reader {
public:
  Reader(Connection& connection, Sink* sink, Response& response)
      : m_connection(connection), m_sink(sink), m_response(response)
  {
  }

  /// True when the connection may carry another exchange.
  bool read()
  {
    auto head = read_head(m_connection);
    while (head.status < 200)
      head = read_head(m_connection);
    m_response.delivery = Delivery::answered;
    m_response.status = head.status;
    const bool keeps_alive = head.keeps_alive();
    const Framing framing{.is_chunked = head.is_chunked(), .length = head.content_length()};
    m_response.headers = std::move(head.headers);
    refuse_compression();
    if (m_sink && (head.status < 200 || head.status > 299)) m_sink = nullptr;
    if (m_sink) m_sink->begin(m_response);
    return read_body(framing) && keeps_alive && m_connection.buffered().empty();
  }

private:
  /// What tells where the body ends.
  struct Framing {
    bool is_chunked = false;
    std::optional<std::uint64_t> length = {};
  };

  /// We ask for plain bytes; packed ones would be taken for the answer itself.
  void refuse_compression() const
  {
    const auto coding = m_response.header("Content-Encoding");
    if (coding.empty() || equal_ignoring_case(coding, "identity")) return;
    throw Broken{Broken::How::failed, fmt::format("it is compressed ({}), which was not asked for", coding)};
  }

  /// True when its end is known, so that the next answer begins after it.
  bool read_body(const Framing& framing)
  {
    if (m_response.status == 204 || m_response.status == 304) return m_response.whole = true;
    if (framing.is_chunked) return m_response.whole = read_chunks();
    if (framing.length) {
      m_response.whole = pass(*framing.length);
      if (!m_response.whole) cut(fmt::format("after {} of {} bytes", m_taken, *framing.length));
      return m_response.whole;
    }
    while (take(Connection::buffer_size) > 0) {
    }
    m_response.whole = true;
    return false;
  }

  bool read_chunks()
  {
    for (;;) {
      const auto line = read_line();
      if (!line) return cut(fmt::format("after {} bytes, before its last chunk", m_taken));
      const auto size = chunk_size(*line);
      if (size == 0) return read_trailer();
      if (!pass(size)) return cut(fmt::format("after {} bytes, inside a chunk", m_taken));
      const auto end = read_line();
      if (!end) return cut(fmt::format("after {} bytes, at the end of a chunk", m_taken));
      if (!end->empty()) not_http("a chunk is longer than it says");
    }
  }

  static std::uint64_t chunk_size(std::string_view line)
  {
    std::uint64_t size = 0;
    const auto digits = line.substr(0, line.find_first_of("; \t"));
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
    if (digits.empty() || fault != std::errc{} || end != digits.data() + digits.size()) not_http("a chunk has no size");
    return size;
  }

  bool read_trailer()
  {
    for (;;) {
      const auto line = read_line();
      if (!line) return cut("before the end of its last chunk");
      if (line->empty()) return true;
    }
  }

  /// The next line of the frame; nothing when the stream ends first.
  std::optional<std::string> read_line()
  {
    for (;;) {
      const auto text = m_connection.buffered();
      const auto end = text.find("\r\n");
      if (end != std::string_view::npos) {
        std::string line{text.substr(0, end)};
        m_connection.consume(end + 2);
        return line;
      }
      if (text.size() == Connection::buffer_size) not_http("a line of its frame does not end");
      if (!m_connection.fill()) return std::nullopt;
    }
  }

  /// Hands on exactly `length` bytes; false when the stream ends first.
  bool pass(std::uint64_t length)
  {
    while (length > 0) {
      const auto taken = take(length);
      if (taken == 0) return false;
      length -= taken;
    }
    return true;
  }

  /// Hands on what is there, at most `most` bytes, waiting for some if need be; 0 at the end of the stream.
  std::size_t take(std::uint64_t most)
  {
    if (m_connection.buffered().empty() && !m_connection.fill()) return 0;
    const auto text = m_connection.buffered();
    const auto block = text.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(most, text.size())));
    if (m_sink) {
      m_sink->write(block);
    } else {
      if (m_response.body.size() + block.size() > largest_body) {
        throw Broken{Broken::How::failed, "the answer is larger than 64 MiB"};
      }
      m_response.body.append(block);
    }
    m_taken += block.size();
    m_connection.consume(block.size());
    return block.size();
  }

  bool cut(const std::string& where)
  {
    m_response.trouble = "the answer was cut " + where;
    return false;
  }

  Connection& m_connection;
  Sink* m_sink;
  Response& m_response;
  std::uint64_t m_taken = 0;
};

} // namespace

Head read_head(Connection& connection)
{
  for (;;) {
    const auto text = connection.buffered();
    const auto end = text.find("\r\n\r\n");
    if (end != std::string_view::npos) {
      auto head = parse_head(text.substr(0, end + 2));
      if (!head) not_http("its head makes no sense");
      connection.consume(end + 4);
      return std::move(*head);
    }
    constexpr std::string_view protocol = "HTTP/1.";
    if (text.substr(0, protocol.size()) != protocol.substr(0, text.size())) not_http("it begins with something else");
    if (text.size() == Connection::buffer_size) not_http("its head does not end");
    if (!connection.fill()) throw Broken{Broken::How::closed, "connection closed by the server without an answer"};
  }
}

Outgoing prepare(const Request& request, std::string_view base_path, std::string_view common, bool streamed_answer)
{
  ensure(request.path.starts_with('/') && request.path.find_first_of(" \r\n\t") == std::string::npos,
         "a request path without spaces and line ends");
  Outgoing out;
  Frame frame;
  std::string lines;
  std::string_view body = request.body;
  if (request.upload) {
    frame = multipart_frame(*request.upload, "batchwright-" + make_uuid());
    out.file.emplace(request.upload->path);
    out.file_bytes = out.file->size();
    out.after = frame.after;
    out.on_sent = request.on_sent;
    body = frame.before;
    lines += fmt::format("Content-Type: multipart/form-data; boundary={}\r\n", frame.boundary);
  } else if (!body.empty()) {
    lines += "Content-Type: application/json\r\n";
  }
  if (request.method == Method::post) {
    lines += fmt::format("Content-Length: {}\r\n", body.size() + out.file_bytes + out.after.size());
  }
  if (request.from) lines += fmt::format("Range: bytes={}-\r\n", *request.from);
  out.before = fmt::format("{} {}{} HTTP/1.1\r\n{}Accept: {}\r\n{}\r\n{}", word(request.method), base_path,
                           request.path, common, streamed_answer ? "*/*" : "application/json", lines, body);
  return out;
}

Exchanged exchange(Connection& connection, Outgoing& out, Sink* sink)
{
  Exchanged result;
  bool all_sent = false;
  bool line_ended = false;
  std::string send_trouble;
  try {
    all_sent = send_request(connection, out);
  } catch (const Broken& trouble) {
    send_trouble = trouble.what();
    line_ended = trouble.how() == Broken::How::closed;
    // Whoever refuses a body may answer first and close then: what has arrived can still be read.
    if (connection.buffered().empty() && !connection.has_news()) {
      result.response.trouble = send_trouble;
      result.stale = line_ended;
      return result;
    }
  }
  try {
    const bool in_order = Reader{connection, sink, result.response}.read();
    result.reusable = in_order && all_sent;
  } catch (const Broken& trouble) {
    if (result.response.status == 0) {
      result.stale = connection.buffered().empty() && (line_ended || trouble.how() == Broken::How::closed);
      result.response.trouble = send_trouble.empty() ? trouble.what() : send_trouble;
    } else {
      result.response.trouble = fmt::format("the answer could not be read: {}", trouble.what());
    }
  }
  return result;
}

} // namespace batchwright::http
