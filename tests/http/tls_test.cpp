#include "tests/support/certificates.hpp"
#include "tests/support/fresh_directory.hpp"
#include "tests/support/scripted_server.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/http/dialler.hpp>
#include <batchwright/http/transport.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <stdlib.h>
#include <sys/resource.h>

#include <thread>

using namespace batchwright;
using namespace batchwright::http;
using tests::Peer;
using tests::ScriptedServer;

namespace {

struct Trust {
  tests::FreshDirectory dir = {};
  tests::Authority authority{dir.path()};
  Interrupt interrupt = {};

  std::unique_ptr<Transport> client(const std::string& url) const
  {
    return open({.base_url = url, .key = Secret{"sk-test"}, .ca_file = authority.ca_file()}, interrupt);
  }
};

tests::Script answering(std::string body)
{
  return [body](Peer& peer) {
    while (!peer.read_request().empty())
      peer.answer(200, body);
  };
}

/// The process may open no further file as long as it lives.
class NoMoreFiles {
public:
  NoMoreFiles()
  {
    ::getrlimit(RLIMIT_NOFILE, &m_before);
    const rlimit none{0, m_before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;
  ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &m_before); }

private:
  rlimit m_before = {};
};

} // namespace

TEST_SUITE_BEGIN("http::tls");

TEST_CASE_FIXTURE(Trust, "a server that a trusted authority vouches for is spoken to, over one connection")
{
  std::string body;
  for (int i = 0; body.size() < 500'000; ++i)
    body += std::to_string(i);
  for (const char* host : {"127.0.0.1", "localhost"}) {
    CAPTURE(host);
    const auto name = std::string{host} == "localhost" ? "DNS:localhost" : "IP:127.0.0.1";
    ScriptedServer server{{answering(body)}, authority.vouch_for(name)};
    const auto transport = client(server.url(host));
    for (int i = 0; i < 3; ++i) {
      const auto response = transport->send({.path = "/x"});
      CHECK(response.ok());
      CHECK(response.body == body);
    }
    CHECK(transport->send({.method = Method::post, .path = "/x", .body = "{}"}).ok());
    CHECK(server.connections() == 1);
    CHECK(server.requests().at(0).find("Authorization: Bearer sk-test\r\n") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Trust, "a certificate for another host is refused before anything is sent, loopback or not")
{
  ScriptedServer server{{answering("{}"), answering("{}")}, authority.vouch_for("DNS:api.openai.com")};
  for (const char* host : {"127.0.0.1", "localhost"}) {
    CAPTURE(host);
    const auto response = client(server.url(host))->send({.method = Method::post, .path = "/x", .body = "{}"});
    CHECK(response.delivery == Delivery::not_sent);
    // A name may have more addresses, of which each is told.
    CHECK(response.trouble.starts_with(fmt::format("certificate not trusted: it is not for {}", host)));
  }
  CHECK(server.requests().empty());
}

TEST_CASE_FIXTURE(Trust, "a certificate of an unknown authority is refused before anything is sent")
{
  ScriptedServer server{{answering("{}"), answering("{}")}, authority.vouch_for("IP:127.0.0.1")};
  const auto stranger = open({.base_url = server.url()}, interrupt);
  const auto response = stranger->send({.method = Method::post, .path = "/x", .body = "{}"});
  CHECK(response.delivery == Delivery::not_sent);
  CHECK(response.trouble.find("certificate not trusted: unable to get") == 0);
  CHECK(server.requests().empty());
  CHECK(client(server.url())->send({.path = "/x"}).ok());
}

TEST_CASE_FIXTURE(Trust, "SSL_CERT_FILE names the authorities of the system")
{
  ScriptedServer server{{answering("{}")}, authority.vouch_for("IP:127.0.0.1")};
  ::setenv("SSL_CERT_FILE", authority.ca_file().c_str(), 1);
  const auto transport = open({.base_url = server.url()}, interrupt);
  ::unsetenv("SSL_CERT_FILE");
  CHECK(transport->send({.path = "/x"}).ok());
}

TEST_CASE_FIXTURE(Trust, "a file of authorities is trusted in place of the system's")
{
  const tests::FreshDirectory elsewhere;
  const tests::Authority other{elsewhere.path()};
  ScriptedServer server{{answering("{}")}, authority.vouch_for("IP:127.0.0.1")};
  ::setenv("SSL_CERT_FILE", authority.ca_file().c_str(), 1);
  const auto transport = open({.base_url = server.url(), .ca_file = other.ca_file()}, interrupt);
  ::unsetenv("SSL_CERT_FILE");
  CHECK(transport->send({.path = "/x"}).trouble.find("certificate not trusted") == 0);
}

TEST_CASE_FIXTURE(Trust, "a file of authorities that cannot be read is a configuration error that names it")
{
  const auto none = dir / "none.pem";
  const auto text = dir.file("text.pem", "not a certificate");
  for (const auto& path : {none.native(), text.native(), dir.file("empty.pem", "").native(), dir.path().native()}) {
    try {
      open({.base_url = "https://127.0.0.1:1", .ca_file = path}, interrupt);
      FAIL_CHECK("accepted");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::config);
      CHECK(std::string{e.what()}.find(path) != std::string::npos);
    }
  }
}

TEST_CASE_FIXTURE(Trust, "a server that does not shake hands is not sent anything")
{
  const auto post = [&](const std::string& url, Timeouts timeouts) {
    return client(url)->send({.method = Method::post, .path = "/x", .body = "{}", .timeouts = timeouts});
  };
  const auto https = [](const ScriptedServer& server) { return fmt::format("https://127.0.0.1:{}", server.port()); };
  SUBCASE("because it says nothing")
  {
    ScriptedServer server{{[](Peer& peer) { peer.wait_for_close(); }}};
    const auto response = post(https(server), {.connect = Millis{100}});
    CHECK(response.delivery == Delivery::not_sent);
    CHECK(response.trouble == fmt::format("no answer from 127.0.0.1:{} in time", server.port()));
  }
  SUBCASE("and the time for all of it is over first")
  {
    ScriptedServer server{{[](Peer& peer) { peer.wait_for_close(); }}};
    CHECK(post(https(server), {.total = Millis{100}}).delivery == Delivery::not_sent);
  }
  SUBCASE("because it speaks plain HTTP")
  {
    ScriptedServer server{{[](Peer& peer) {
      peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
      peer.wait_for_close();
    }}};
    const auto response = post(https(server), {});
    CHECK(response.delivery == Delivery::not_sent);
    CHECK(response.trouble.find("TLS handshake with 127.0.0.1:") == 0);
  }
  SUBCASE("because it closes")
  {
    ScriptedServer server{{[](Peer&) {}}};
    CHECK(post(https(server), {}).delivery == Delivery::not_sent);
  }
  SUBCASE("because the user asked to stop")
  {
    ScriptedServer server{{[&](Peer& peer) {
      interrupt.ask(2);
      interrupt.ask(2);
      peer.wait_for_close();
    }}};
    const auto response = post(https(server), {});
    CHECK(response.delivery == Delivery::not_sent);
    CHECK(response.trouble == "interrupted");
  }
}

TEST_CASE_FIXTURE(Trust, "a body cut under TLS is not whole, whatever its frame")
{
  for (const char* head : {"Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
    CAPTURE(head);
    ScriptedServer server{{[&](Peer& peer) {
                            peer.read_request();
                            peer.send(fmt::format("HTTP/1.1 200 OK\r\n{}\r\n64\r\nabcdefg", head));
                            peer.hang_up();
                          }},
                          authority.vouch_for("IP:127.0.0.1")};
    const auto response = client(server.url())->send({.path = "/x"});
    CHECK(response.status == 200);
    CHECK(response.body.ends_with("abcdefg"));
    CHECK_FALSE(response.whole);
    CHECK(response.trouble.find("connection closed by the server") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Trust, "a body without a length that ends with TLS's farewell is whole")
{
  ScriptedServer server{{[&](Peer& peer) {
                          peer.read_request();
                          peer.send("HTTP/1.1 200 OK\r\n\r\nall");
                        }},
                        authority.vouch_for("IP:127.0.0.1")};
  const auto response = client(server.url())->send({.path = "/x"});
  CHECK(response.whole);
  CHECK(response.body == "all");
}

TEST_CASE_FIXTURE(Trust, "an early refusal is read under TLS, too")
{
  const auto file = dir.file("big", std::string(30'000'000, 'x'));
  const Upload upload{.fields = {{"purpose", "batch"}}, .file_name = "a.jsonl", .path = file};
  const auto refuse_and = [&](auto then) {
    ScriptedServer server{{[&](Peer& peer) {
                            peer.read_head();
                            peer.answer(413, R"({"error":{"message":"too large"}})", "Connection: close\r\n");
                            then(peer);
                          }},
                          authority.vouch_for("IP:127.0.0.1")};
    // Silence is no end here: who waits for it instead of reading what has come runs into the total.
    return client(server.url())
        ->send({.method = Method::post,
                .path = "/files",
                .upload = upload,
                .timeouts = {.idle = Millis{0}, .total = Millis{30'000}}});
  };
  for (const auto& response :
       {refuse_and([](Peer& peer) { peer.wait_without_reading(); }), refuse_and([](Peer& peer) { peer.close(); })}) {
    CHECK(response.delivery == Delivery::answered);
    CHECK(response.status == 413);
    CHECK(response.whole);
    CHECK(response.body == R"({"error":{"message":"too large"}})");
  }
}

TEST_CASE_FIXTURE(Trust, "an upload passes TLS exactly")
{
  std::string content;
  for (int i = 0; content.size() < 2'000'000; ++i)
    content += std::to_string(i) + '\n';
  const auto file = dir.file("in.jsonl", content);
  ScriptedServer server{{answering("{}")}, authority.vouch_for("IP:127.0.0.1")};
  const Upload upload{.file_name = "a.jsonl", .path = file};
  CHECK(client(server.url())->send({.method = Method::post, .path = "/files", .upload = upload}).ok());
  CHECK(server.requests().at(0).find(content) != std::string::npos);
}

TEST_CASE_FIXTURE(Trust, "many threads share a transport")
{
  const tests::Script script = answering("{\"n\":1}");
  ScriptedServer server{std::vector<tests::Script>(8, script), authority.vouch_for("IP:127.0.0.1")};
  const auto transport = client(server.url());
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n)
        good += transport->send({.path = "/x"}).ok() ? 1 : 0;
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(good == 160);
  CHECK(server.connections() <= 8);
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("http::dialler");

TEST_CASE("the addresses of a name are tried in turn, and each refusal is told")
{
  ScriptedServer server{{answering("{}")}};
  const Interrupt interrupt;
  Watchdog dog{interrupt};
  const Dialler dialler{Target{.tls = false, .host = "test", .port = server.port()}, nullptr};
  const auto dial = [&](const Addresses& addresses) {
    return dialler.dial(addresses, Millis{5'000}, Deadline::max(), dog);
  };
  CHECK(dial({"::1", "127.0.0.2", "127.0.0.1"}) != nullptr);
  CHECK(dial({"127.0.0.1"}) != nullptr);
  try {
    dial({"127.0.0.2", "127.0.0.3"});
    FAIL_CHECK("connected");
  } catch (const Broken& trouble) {
    CHECK(trouble.what() ==
          fmt::format("connection refused by 127.0.0.2:{0}; connection refused by 127.0.0.3:{0}", server.port()));
  }
  CHECK_THROWS_AS(dial({}), Broken);
}

TEST_CASE("the addresses of a name share the time, but none gets less than two seconds of it")
{
  CHECK(time_for_address(Millis{10'000}, 1) == Millis{10'000});
  CHECK(time_for_address(Millis{10'000}, 2) == Millis{5'000});
  CHECK(time_for_address(Millis{10'000}, 8) == Millis{2'000});
  CHECK(time_for_address(Millis{500}, 4) == Millis{500});
  CHECK(time_for_address(Millis{0}, 4) == Millis{0});
}

TEST_CASE("an address that cannot be used is one that did not answer")
{
  ScriptedServer server{{answering("{}")}};
  const Interrupt interrupt;
  Watchdog dog{interrupt};
  const Dialler dialler{Target{.tls = false, .host = "test", .port = server.port()}, nullptr};
  CHECK(dialler.dial({"fe80::1%nowhere", "1.2.3", "127.0.0.1"}, Millis{5'000}, Deadline::max(), dog) != nullptr);
  CHECK_THROWS_AS(dialler.dial({"fe80::1%nowhere"}, Millis{5'000}, Deadline::max(), dog), Broken);
}

TEST_CASE("an address for which there is no socket is one that did not answer")
{
  const Interrupt interrupt;
  Watchdog dog{interrupt};
  const Dialler dialler{Target{.tls = false, .host = "test", .port = 1}, nullptr};
  const NoMoreFiles none;
  CHECK_THROWS_WITH_AS(dialler.dial({"::1", "127.0.0.1"}, Millis{5'000}, Deadline::max(), dog),
                       "connecting to [::1]:1: Too many open files; connecting to 127.0.0.1:1: Too many open files",
                       Broken);
}

TEST_CASE("a request for which there is no socket was not sent")
{
  const Interrupt interrupt;
  const auto transport = open({.base_url = "http://127.0.0.1:1"}, interrupt);
  const auto response = [&] {
    const NoMoreFiles none;
    return transport->send({.method = Method::post, .path = "/x", .body = "{}"});
  }();
  CHECK(response.delivery == Delivery::not_sent);
  CHECK(response.trouble == "connecting to 127.0.0.1:1: Too many open files");
}

TEST_CASE("a name gives its addresses, an address gives itself")
{
  CHECK(resolve("127.0.0.1") == Addresses{"127.0.0.1"});
  CHECK(resolve("::1") == Addresses{"::1"});
  CHECK_FALSE(resolve("localhost").empty());
  CHECK_THROWS_WITH_AS(resolve("no host at all"), "no such host: no host at all", Broken);
}

TEST_SUITE_END();
