// One HTTP exchange at a time, over a pool of kept-alive connections. Comes in: a request value. Goes out: a response
// value, also where nothing came back, since the caller must tell "never sent" from "sent, no answer".
// Never: follows a redirect, retries by itself (but for a stale kept-alive connection on a call that may be repeated),
// puts a key into words of its own, or lets a Poco type or exception out.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/base/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batchwright::http {

enum class Method : std::uint8_t {
  get,
  post,
  del
};

/// A multipart/form-data body whose file part is streamed from disk. The length is known beforehand.
struct Upload {
  std::vector<std::pair<std::string, std::string>> fields = {}; ///< before the file, in this order
  std::string file_field = "file";
  std::string file_name = {}; ///< as the server sees it
  std::string content_type = "application/jsonl";
  std::filesystem::path path = {};
};

/// Bytes of a file so far, without what frames it; called from the thread that sends.
using OnBytes = std::function<void(std::uint64_t bytes)>;

/// How long one exchange may take. `connect` is for each address of the name, and once more for the TLS handshake;
/// `idle` is between two signs of life, `total` for all of it: a watchdog ends an exchange that drips. 0 is no end.
/// Looking up the name is bounded by the system's resolver alone.
struct Timeouts {
  Millis connect{10'000};
  Millis idle{60'000};
  Millis total{600'000};
};

struct Request {
  Method method = Method::get;
  std::string path = {}; ///< after the base URL, with query: "/files?limit=100"
  std::string body = {}; ///< JSON, for a POST without upload
  std::optional<Upload> upload = {};
  std::optional<std::uint64_t> from = {}; ///< asks for `Range: bytes=FROM-`
  Timeouts timeouts = {};
  OnBytes on_sent = {};
};

/// What is known about whether the server saw the request.
enum class Delivery : std::uint8_t {
  answered, ///< a status line came back (the body may still be cut: see `whole`)
  not_sent, ///< name, connect, proxy or TLS failed before the first byte of the request
  unknown,  ///< sent, at least in part, and no answer: the server may have acted
};

struct Response {
  Delivery delivery = Delivery::unknown;
  int status = 0; ///< 0: none came
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {}; ///< empty where a sink took it
  bool whole = false;    ///< the body is as long as announced, or its last chunk came, or, with neither, it just ended
  std::string trouble = {}; ///< what went wrong, for people: "connection reset by peer"
  Secret key = {};          ///< what the request carried; for without_key()

  bool ok() const { return delivery == Delivery::answered && status >= 200 && status < 300 && whole; }
  /// The first header of that name, upper or lower case; empty where there is none.
  std::string_view header(std::string_view name) const;
  /// The server's own time, from `Date`.
  std::optional<Instant> date() const;
  /// A text of the server's for people to read, "***" where it repeats the key. Headers and body stay as they came, to
  /// be parsed; whatever is quoted from them goes through here, before it is cut.
  std::string without_key(std::string_view text) const;
};

/// Takes a successful body block by block, for answers too large to hold. All other bodies go to Response::body, which
/// takes up to 64 MiB.
class Sink {
public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  /// Called once, before the first block, for a 2xx answer: 206 means that the bytes begin where they were asked to.
  virtual void begin(const Response& head) = 0;
  virtual void write(std::string_view block) = 0;
};

class Transport {
public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// Sends and waits. Safe from many threads. Network trouble is a value; throws only what `sink` throws and
  /// `Fault::storage` for an upload file that cannot be read.
  virtual Response send(const Request& request, Sink* sink = nullptr) = 0;
};

/// Where plain http may go, which shows the key to everyone on the way.
enum class PlainHttp : std::uint8_t {
  to_loopback,
  anywhere
};

/// Where to and who.
struct Endpoint {
  std::string base_url = {}; ///< "https://api.openai.com/v1"
  Secret key = {};
  std::string key_header = "Authorization";
  std::string key_prefix = "Bearer ";
  std::string organization = {}; ///< header OpenAI-Organization; empty: none
  std::string project = {};      ///< header OpenAI-Project; empty: none
  std::string user_agent = {};   ///< empty: "batchwright/VERSION"
  std::string ca_file = {};      ///< authorities in place of the system's, PEM; empty: the system's
  PlainHttp plain_http = PlainHttp::to_loopback;
  Secret proxy = {};         ///< "http://user:password@host:3128"; the scheme may be left out. Empty: none
  std::string no_proxy = {}; ///< hosts that are reached without it: see proxy_for()
};

/// A transport over Poco: strict certificate and host name checks, TLS 1.2 or newer, keep-alive pool.
/// Throws `Fault::config` for a URL that is none, plain http to where it is not allowed, a proxy that cannot be used, a
/// header value with a line end in it, or a `ca_file` without certificates. Exchanges end early when `interrupt`, which
/// outlives the transport, was asked twice. Of its connections, `kept` may wait for their next exchange.
std::unique_ptr<Transport> open(const Endpoint& endpoint, const Interrupt& interrupt, std::size_t kept = 64);

} // namespace batchwright::http
