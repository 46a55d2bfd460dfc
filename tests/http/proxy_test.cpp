#include "tests/support/certificates.hpp"
#include "tests/support/fresh_directory.hpp"
#include "tests/support/scripted_server.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/http/proxy.hpp>
#include <batchwright/http/transport.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;
using namespace batchwright::http;
using tests::Peer;
using tests::ScriptedServer;

namespace {

bool is_proxied(const std::string& url, std::string_view exceptions)
{
  return proxy_for(parse_base_url(url, PlainHttp::anywhere), Secret{"proxy:3128"}, exceptions).has_value();
}

std::string refusal(const std::string& proxy)
{
  try {
    proxy_for(parse_base_url("https://host/v1"), Secret{proxy}, {});
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::config);
    CHECK((std::string{e.what()} + e.hint()).find("SECRET") == std::string::npos);
    return e.what();
  }
  return "accepted";
}

/// A proxy that leads every CONNECT to one server, whatever name is asked for.
tests::Script leading_to(const ScriptedServer& server)
{
  return [port = server.port()](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n");
    peer.tunnel_to(port);
  };
}

tests::Script answering(std::string body)
{
  return [body](Peer& peer) {
    while (!peer.read_request().empty())
      peer.answer(200, body);
  };
}

struct World {
  tests::FreshDirectory dir = {};
  tests::Authority authority{dir.path()};
  Interrupt interrupt = {};

  std::unique_ptr<Transport> client(const std::string& url, const ScriptedServer& proxy,
                                    const std::string& user = {}) const
  {
    return open({.base_url = url,
                 .key = Secret{"sk-test-key"},
                 .ca_file = authority.ca_file(),
                 .plain_http = PlainHttp::anywhere,
                 .proxy = Secret{fmt::format("http://{}127.0.0.1:{}", user, proxy.port())}},
                interrupt);
  }
};

Response post(Transport& transport, Timeouts timeouts = {})
{
  return transport.send({.method = Method::post, .path = "/batches", .body = "{}", .timeouts = timeouts});
}

} // namespace

TEST_SUITE_BEGIN("http::proxy");

TEST_CASE("a proxy is a host and a port, with a user and a password or without")
{
  const auto target = parse_base_url("https://api.test/v1");
  const auto proxy = [&](const std::string& url) {
    const auto p = proxy_for(target, Secret{url}, {}).value();
    return fmt::format("{} {}", p.shown(), p.authorization.reveal());
  };
  CHECK(proxy("http://proxy.test:3128") == "proxy.test:3128 ");
  CHECK(proxy("HTTP://proxy.test:3128/") == "proxy.test:3128 ");
  CHECK(proxy("proxy.test:3128") == "proxy.test:3128 ");
  CHECK(proxy("http://proxy.test") == "proxy.test:80 ");
  CHECK(proxy("http://[::1]:3128") == "[::1]:3128 ");
  CHECK(proxy("http://Aladdin:open%20sesame@p:1") == "p:1 Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  CHECK(proxy("a%40b:c%3Ad@p:1") == "p:1 Basic YUBiOmM6ZA==");
  CHECK(proxy("a@b:c@p:1") == "p:1 Basic YUBiOmM=");
  CHECK(proxy("a@p:1") == "p:1 Basic YTo=");
  CHECK(proxy("http://me:" + std::string(200, 'x') + "@p:1").find_first_of("\r\n") == std::string::npos);
  CHECK_FALSE(proxy_for(target, Secret{}, {}));
}

TEST_CASE("a proxy that cannot be used is refused, and never shown")
{
  CHECK(refusal("socks5://me:SECRET@host:1080") == "the proxy cannot be used: SOCKS proxies are not supported");
  CHECK(refusal("SOCKS5h://host:1080") == "the proxy cannot be used: SOCKS proxies are not supported");
  CHECK(refusal("https://me:SECRET@host").find("spoken to by TLS") != std::string::npos);
  CHECK(refusal("SECRET://host").find("does not begin with http://") != std::string::npos);
  for (const auto* none : {"http://", "http://me:SECRET@", "http://host:SECRET", "host:99999999", "http://a b",
                           "me%zzSECRET@host", "http://host:0"}) {
    CAPTURE(none);
    CHECK(refusal(none) != "accepted");
  }
  // Where it is not on the way, nothing is wrong with it.
  CHECK_FALSE(proxy_for(parse_base_url("http://127.0.0.1/v1"), Secret{"socks5://host"}, {}));
}

TEST_CASE("exceptions name hosts, what is below them, addresses and ports")
{
  const struct {
    const char* exceptions;
    bool proxied;
  } of_name[] = {{"", true},
                 {"*", false},
                 {"api.example.test", false},
                 {"API.Example.TEST.", false},
                 {"example.test", false},
                 {".example.test", false},
                 {"*.example.test", false},
                 {"test", false},
                 {"ample.test", true},
                 {"other.test", true},
                 {"x.api.example.test", true},
                 {"api.example.test:443", false},
                 {"api.example.test:8443", true},
                 {"other.test, example.test", false},
                 {"other.test example.test", false},
                 {",,other.test,", true},
                 {":443", true},
                 {".", true}};
  for (const auto& c : of_name) {
    CAPTURE(c.exceptions);
    CHECK(is_proxied("https://api.example.test/v1", c.exceptions) == c.proxied);
  }
  CHECK_FALSE(is_proxied("https://api.example.test./v1", "example.test"));
  CHECK_FALSE(is_proxied("https://10.0.0.1/v1", "10.0.0.1"));
  CHECK_FALSE(is_proxied("https://10.0.0.1:8443/v1", "10.0.0.1:8443"));
  CHECK(is_proxied("https://10.0.0.1/v1", "0.0.1"));
  CHECK(is_proxied("https://10.0.0.1/v1", "10.0.0.10"));
  CHECK_FALSE(is_proxied("https://[fd00::1]/v1", "fd00:0::1"));
  CHECK_FALSE(is_proxied("https://[fd00::1]/v1", "[fd00::1]:443"));
  CHECK(is_proxied("https://[fd00::1]/v1", "[fd00::1]:8443"));
}

TEST_CASE("this machine is never reached by way of a proxy")
{
  for (const auto* url : {"http://127.0.0.1:1/v1", "https://localhost/v1", "http://[::1]:1", "http://127.9.9.9"}) {
    CAPTURE(url);
    CHECK_FALSE(is_proxied(url, {}));
  }
}

TEST_CASE_FIXTURE(World, "a TLS server is reached through a tunnel, and its own name is what its certificate must bear")
{
  ScriptedServer server{{answering("{\"n\":1}"), answering("{}")}, authority.vouch_for("DNS:api.example.test")};
  ScriptedServer proxy{{leading_to(server), leading_to(server)}};
  const auto transport = client("https://api.example.test/v1", proxy, "me:pass%3Aword@");
  for (int i = 0; i < 3; ++i) {
    const auto response = post(*transport);
    CHECK(response.ok());
    CHECK(response.body == "{\"n\":1}");
  }
  CHECK(proxy.connections() == 1);
  const auto way = proxy.requests().at(0);
  CHECK(way == "CONNECT api.example.test:443 HTTP/1.1\r\nHost: api.example.test:443\r\n"
               "Proxy-Authorization: Basic bWU6cGFzczp3b3Jk\r\n\r\n");
  const auto request = server.requests().at(0);
  CHECK(request.starts_with("POST /v1/batches HTTP/1.1\r\nHost: api.example.test\r\n"));
  CHECK(request.find("Proxy-Authorization") == std::string::npos);
  CHECK(request.find("Authorization: Bearer sk-test-key\r\n") != std::string::npos);

  const auto other = post(*client("https://other.example.test/v1", proxy));
  CHECK(other.delivery == Delivery::not_sent);
  CHECK(other.trouble.find("certificate not trusted: it is not for other.example.test") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "a certificate of the proxy's does not pass for the server's")
{
  ScriptedServer server{{answering("{}")}, authority.vouch_for("IP:127.0.0.1")};
  ScriptedServer proxy{{leading_to(server)}};
  const auto response = post(*client("https://api.example.test/v1", proxy));
  CHECK(response.delivery == Delivery::not_sent);
  CHECK(server.requests().empty());
}

TEST_CASE_FIXTURE(World, "a proxy that leads nowhere means not sent, whatever it says, and no word of its user")
{
  const auto trouble = [&](const tests::Script& script, Timeouts timeouts = {}) {
    ScriptedServer proxy{{script}};
    const auto response = post(*client("https://api.example.test/v1", proxy, "me:SECRET@"), timeouts);
    CHECK(response.delivery == Delivery::not_sent);
    CHECK(response.status == 0);
    const auto begin = fmt::format("by way of the proxy 127.0.0.1:{}: ", proxy.port());
    CHECK(response.trouble.starts_with(begin));
    CHECK(response.trouble.find("SECRET") == std::string::npos);
    REQUIRE(proxy.requests().size() == 1);
    CHECK(proxy.requests()[0].find("sk-test-key") == std::string::npos);
    return response.trouble.substr(begin.size());
  };
  const auto refusing = [](int status) {
    return [status](Peer& peer) {
      peer.read_head();
      peer.answer(status, "<html>no</html>", "Proxy-Authenticate: Basic\r\n");
    };
  };
  CHECK(trouble(refusing(403)) == "it refused the way (HTTP 403)");
  CHECK(trouble(refusing(502)) == "it refused the way (HTTP 502)");
  CHECK(trouble(refusing(302)) == "it refused the way (HTTP 302)");
  CHECK(trouble(refusing(407)).find("it wants a user and a password (HTTP 407)") == 0);
  CHECK(trouble([](Peer& peer) { peer.read_head(); }) == "connection closed by the server without an answer");
  const auto nonsense = trouble([](Peer& peer) {
    peer.read_head();
    peer.send("SSH-2.0\r\n\r\n");
  });
  CHECK(nonsense == "the answer is not HTTP: its head makes no sense");
  const auto chatter = trouble([](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
  });
  CHECK(chatter == "it sends something that was not asked for");
  const auto silent = [](Peer& peer) {
    peer.read_head();
    peer.wait_for_close();
  };
  CHECK(trouble(silent, {.connect = Millis{100}}).find("no answer from 127.0.0.1:") == 0);
  CHECK(trouble(silent, {.total = Millis{100}}).find("no answer from 127.0.0.1:") == 0);
}

TEST_CASE_FIXTURE(World, "nobody at the proxy's port is not sent")
{
  const auto gone = [&] {
    const ScriptedServer proxy{{}};
    return client("https://api.example.test/v1", proxy);
  }();
  const auto response = post(*gone);
  CHECK(response.delivery == Delivery::not_sent);
  CHECK(response.trouble.find("connection refused by 127.0.0.1:") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "a plain server is asked for through the proxy by its whole URL")
{
  ScriptedServer proxy{{answering("{}")}};
  const auto transport = client("http://api.example.test:8080/v1", proxy, "me:pw@");
  CHECK(post(*transport).ok());
  CHECK(transport->send({.path = "/files?limit=1"}).ok());
  CHECK(proxy.connections() == 1);
  const auto request = proxy.requests().at(0);
  CHECK(
      request.starts_with("POST http://api.example.test:8080/v1/batches HTTP/1.1\r\nHost: api.example.test:8080\r\n"));
  CHECK(request.find("\r\nProxy-Authorization: Basic bWU6cHc=\r\n") != std::string::npos);
  CHECK(proxy.requests().at(1).starts_with("GET http://api.example.test:8080/v1/files?limit=1 HTTP/1.1\r\n"));
}

TEST_CASE_FIXTURE(World, "a 407 of a proxy for a plain server is its own, so nothing was sent; a 502 is not certain")
{
  const auto answer = [&](int status) {
    ScriptedServer proxy{{[status](Peer& peer) {
      peer.read_request();
      peer.answer(status, "no");
    }}};
    return post(*client("http://api.example.test/v1", proxy));
  };
  const auto refused = answer(407);
  CHECK(refused.delivery == Delivery::not_sent);
  CHECK(refused.trouble.find("wants a user and a password") != std::string::npos);
  CHECK(answer(502).delivery == Delivery::answered);
}

TEST_SUITE_END();
