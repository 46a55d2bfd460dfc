#include <batchwright/base/error.hpp>
#include <batchwright/base/version.hpp>
#include <batchwright/http/dialler.hpp>
#include <batchwright/http/exchange.hpp>
#include <batchwright/http/gate.hpp>
#include <batchwright/http/names.hpp>
#include <batchwright/http/pool.hpp>
#include <batchwright/http/proxy.hpp>
#include <batchwright/http/transport.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::http {
namespace {

// Enough for some 800 new connections a second to a server that is a tenth of a second away.
constexpr std::size_t dials_at_once = 256;

/// "600 s", "250 ms".
std::string words(Millis time)
{
  return time.count() % 1000 == 0 ? fmt::format("{} s", time.count() / 1000) : fmt::format("{} ms", time.count());
}

std::string header_line(std::string_view name, std::string_view value)
{
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(value.begin(), value.end(), is_control)) {
    throw Error{Fault::config, fmt::format("the value for the header {} holds a line end or a control character", name),
                "look for a stray line end in the key, organisation or project"};
  }
  return fmt::format("{}: {}\r\n", name, value);
}

/// What every request carries.
std::string common_lines(const Endpoint& endpoint, const Target& target, const std::optional<Proxy>& proxy)
{
  const auto agent = endpoint.user_agent.empty() ? fmt::format("batchwright/{}", version()) : endpoint.user_agent;
  auto lines = header_line("Host", target.authority());
  lines += header_line("User-Agent", agent);
  lines += header_line("Accept-Encoding", "identity");
  if (!endpoint.key.empty()) lines += header_line(endpoint.key_header, endpoint.key_prefix + endpoint.key.reveal());
  if (!endpoint.organization.empty()) lines += header_line("OpenAI-Organization", endpoint.organization);
  if (!endpoint.project.empty()) lines += header_line("OpenAI-Project", endpoint.project);
  if (proxy && !target.tls) lines += authorization_line(*proxy);
  return lines;
}

/// What stands before every path: a proxy that is not asked for a way is told the whole URL.
std::string base_of(const Target& target, const std::optional<Proxy>& proxy)
{
  return proxy && !target.tls ? fmt::format("http://{}{}", target.authority(), target.path) : target.path;
}

class PocoTransport final : public Transport {
public:
  PocoTransport(const Endpoint& endpoint, const Interrupt& interrupt, std::size_t kept)
      : m_target(parse_base_url(endpoint.base_url, endpoint.plain_http)),
        m_proxy(proxy_for(m_target, endpoint.proxy, endpoint.no_proxy)),
        m_key(endpoint.key),
        m_base(base_of(m_target, m_proxy)),
        m_common(common_lines(endpoint, m_target, m_proxy)),
        m_tls(m_target.tls ? std::make_unique<Tls>(endpoint.ca_file) : nullptr),
        m_dialler(m_target, m_tls.get(), m_proxy),
        m_names(m_dialler.host()),
        m_interrupt(interrupt),
        m_gate(dials_at_once, interrupt),
        m_pool(kept),
        m_watchdog(interrupt)
  {
  }

  Response send(const Request& request, Sink* sink) override
  {
    if (m_interrupt.count() > 1) return Response{.delivery = Delivery::not_sent, .trouble = "interrupted"};
    const auto& total = request.timeouts.total;
    const auto deadline = total > Millis{0} ? std::chrono::steady_clock::now() + total : Deadline::max();
    auto idle = m_pool.take(request.method);
    if (idle) {
      auto first = attempt(std::move(idle), request, sink, deadline);
      // Only here is something sent twice by itself: the connection was already closed when the request went out.
      if (!first.stale || request.method == Method::post) return std::move(first.response);
    }
    try {
      auto fresh = dial(request.timeouts, deadline);
      return attempt(std::move(fresh), request, sink, deadline).response;
    } catch (const Broken& trouble) {
      return Response{.delivery = Delivery::not_sent, .trouble = trouble.what()};
    }
  }

private:
  std::unique_ptr<Connection> dial(const Timeouts& timeouts, Deadline deadline)
  {
    const Gate::Pass pass{m_gate, deadline};
    std::uint64_t lookup = 0;
    try {
      const auto found = m_names.find();
      lookup = found.lookup;
      return m_dialler.dial(found.addresses, timeouts.connect, deadline, m_watchdog);
    } catch (const Broken& trouble) {
      m_names.forget(lookup);
      if (!m_proxy) throw;
      throw Broken{trouble.how(), fmt::format("by way of the proxy {}: {}", m_proxy->shown(), trouble.what())};
    }
  }

  Exchanged attempt(std::unique_ptr<Connection> connection, const Request& request, Sink* sink, Deadline deadline)
  {
    auto out = prepare(request, m_base, m_common, sink != nullptr);
    Exchanged result;
    {
      const Watchdog::Watch watch{m_watchdog, connection->descriptor(), deadline};
      connection->set_idle_timeout(request.timeouts.idle);
      result = exchange(*connection, out, sink);
      explain(result, watch.reason(), request.timeouts);
      if (m_proxy && !m_target.tls) disown(result.response);
      result.response.key = m_key;
      result.response.trouble = result.response.without_key(result.response.trouble);
    }
    // One that the watchdog shut in the last moment shows that in the pool.
    if (result.reusable) m_pool.put(std::move(connection));
    return result;
  }

  /// Where the watchdog ended it, the socket's own words ("closed by the server") are wrong, and a body that seems to
  /// end in good order need not be whole.
  static void explain(Exchanged& result, Watchdog::Reason reason, const Timeouts& timeouts)
  {
    if (reason == Watchdog::Reason::none || result.reusable) return;
    result.stale = false;
    result.response.whole = false;
    result.response.trouble = reason == Watchdog::Reason::interrupted
                                  ? "interrupted"
                                  : fmt::format("it took longer than {} in all", words(timeouts.total));
  }

  /// 407 is the proxy's own word and no other's: it did not pass the request on.
  void disown(Response& response) const
  {
    constexpr int wants_authorization = 407;
    if (response.status != wants_authorization) return;
    response = {.delivery = Delivery::not_sent,
                .trouble = fmt::format("the proxy {} wants a user and a password (HTTP 407)", m_proxy->shown())};
  }

  Target m_target;
  std::optional<Proxy> m_proxy;
  Secret m_key;
  std::string m_base;
  std::string m_common;
  std::unique_ptr<Tls> m_tls;
  Dialler m_dialler;
  Names m_names;
  const Interrupt& m_interrupt;
  Gate m_gate;
  Pool m_pool;
  Watchdog m_watchdog;
};

} // namespace

std::string_view Response::header(std::string_view name) const
{
  return find_header(headers, name);
}

std::optional<Instant> Response::date() const
{
  return parse_http_date(header("Date"));
}

std::string Response::without_key(std::string_view text) const
{
  constexpr std::size_t shortest = 8;
  constexpr std::string_view stars = "***";
  std::string out{text};
  const auto& word = key.reveal();
  // Shorter ones ("test", "a") are no secrets but words, at servers that take any key: replaced, they would only garble
  // what people read.
  if (word.size() < shortest) return out;
  for (auto at = out.find(word); at != std::string::npos; at = out.find(word, at + stars.size()))
    out.replace(at, word.size(), stars);
  return out;
}

std::unique_ptr<Transport> open(const Endpoint& endpoint, const Interrupt& interrupt, std::size_t kept)
{
  return std::make_unique<PocoTransport>(endpoint, interrupt, kept);
}

} // namespace batchwright::http
