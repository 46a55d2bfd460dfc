#include "tests/support/fresh_directory.hpp"
#include "tests/support/scripted_server.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/http/address.hpp>
#include <batchwright/http/transport.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sys/socket.h>

#include <chrono>
#include <future>

using namespace batchwright;
using namespace batchwright::http;
using tests::Peer;
using tests::ScriptedServer;

namespace {

struct Client {
  Interrupt interrupt = {};
  std::unique_ptr<Transport> transport;

  explicit Client(const std::string& url, const std::string& key = "sk-test-key")
      : transport(open(Endpoint{.base_url = url, .key = Secret{key}, .user_agent = "batchwright/test"}, interrupt))
  {
  }
  explicit Client(const ScriptedServer& server) : Client(server.url()) {}

  Response get(const std::string& path = "/x") { return transport->send({.path = path}); }
  Response post(const std::string& body)
  {
    return transport->send({.method = Method::post, .path = "/batches", .body = body});
  }
  /// Silence is no end here: who waits for it instead of reading what has come runs into the total.
  Response upload(const std::filesystem::path& file)
  {
    return transport->send({.method = Method::post,
                            .path = "/files",
                            .upload = Upload{.fields = {{"purpose", "batch"}}, .file_name = "a.jsonl", .path = file},
                            .timeouts = {.idle = Millis{0}, .total = Millis{30'000}}});
  }
};

class Collected final : public Sink {
public:
  void begin(const Response& head) override { status = head.status; }
  void write(std::string_view block) override { bytes += block; }
  int status = 0;
  std::string bytes = {};
};

tests::Script answering(std::string body)
{
  return [body](Peer& peer) {
    while (!peer.read_request().empty())
      peer.answer(200, body);
  };
}

tests::Script sending(std::string bytes)
{
  return [bytes](Peer& peer) {
    peer.read_request();
    peer.send(bytes);
  };
}

} // namespace

TEST_SUITE_BEGIN("http::transport");

TEST_CASE("a request carries who asks and what for, and nothing else")
{
  ScriptedServer server{{answering("{}")}};
  Interrupt interrupt;
  const auto transport =
      open({.base_url = server.url() + "/", .key = Secret{"sk-abc"}, .organization = "org-1", .project = "proj-2"},
           interrupt);
  CHECK(transport->send({.path = "/files?limit=2"}).ok());
  CHECK(transport->send({.method = Method::post, .path = "/batches", .body = "{\"a\":1}"}).ok());
  CHECK(transport->send({.method = Method::post, .path = "/batches/b/cancel"}).ok());
  CHECK(transport->send({.method = Method::del, .path = "/files/f"}).ok());
  const auto requests = server.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0] == fmt::format("GET /v1/files?limit=2 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n"
                                   "User-Agent: batchwright/0.1.0\r\nAccept-Encoding: identity\r\n"
                                   "Authorization: Bearer sk-abc\r\nOpenAI-Organization: org-1\r\n"
                                   "OpenAI-Project: proj-2\r\nAccept: application/json\r\n\r\n",
                                   server.port()));
  CHECK(requests[1].find("POST /v1/batches HTTP/1.1\r\n") == 0);
  CHECK(requests[1].ends_with("Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"));
  CHECK(requests[2].ends_with("Accept: application/json\r\nContent-Length: 0\r\n\r\n"));
  CHECK(requests[3].find("DELETE /v1/files/f HTTP/1.1\r\n") == 0);
  CHECK(server.connections() == 1);
}

TEST_CASE("headers are found whatever their case, and a redirect is an answer")
{
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 301 Moved\r\nLOCATION: https://elsewhere/\r\nX-Request-ID:   req_1  \r\n"
              "date: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-LENGTH: 0\r\n\r\n");
    peer.read_request();
    peer.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n");
  }}};
  Client client{server};
  const auto moved = client.get();
  CHECK(moved.delivery == Delivery::answered);
  CHECK(moved.status == 301);
  CHECK(moved.whole);
  CHECK(moved.header("location") == "https://elsewhere/");
  CHECK(moved.header("x-request-id") == "req_1");
  CHECK(moved.header("absent").empty());
  CHECK(moved.date() == from_unix(784111777));
  CHECK(client.get().status == 304);
  CHECK(server.connections() == 1);
}

TEST_CASE("a body that is shorter than announced is not whole")
{
  ScriptedServer server{{sending("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"id\":")}};
  const auto response = Client{server}.get();
  CHECK(response.delivery == Delivery::answered);
  CHECK(response.status == 200);
  CHECK(response.body == "{\"id\":");
  CHECK_FALSE(response.whole);
  CHECK_FALSE(response.ok());
  CHECK(response.trouble == "the answer was cut after 6 of 1000 bytes");
}

TEST_CASE("a chunked body is whole only with its last chunk")
{
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::pair<const char*, bool> cases[] = {
      {"4\r\nabcd\r\n3;x=y\r\nefg\r\n0\r\n\r\n", true},
      {"4\r\nabcd\r\n3\r\nefg\r\n0\r\nTrailer: x\r\n\r\n", true},
      {"4\r\nabcd\r\n3\r\nefg\r\n0\r\n", false},
      {"4\r\nabcd\r\n3\r\nefg\r\n", false},
      {"4\r\nabcd\r\n3\r\nefg", false},
      {"4\r\nabcd\r\n8\r\nefg", false},
      {"4\r\nabcd\r\n3\r\nefgX\r\n0\r\n\r\n", false},
      {"4\r\nabcd\r\n3\r\nefg\r\nzz\r\n\r\n", false},
  };
  for (const auto& row : cases) {
    const auto& frame = row.first;
    const auto& whole = row.second;
    CAPTURE(frame);
    ScriptedServer server{{sending(head + frame)}};
    const auto response = Client{server}.get();
    CHECK(response.status == 200);
    CHECK(response.body == "abcdefg");
    CHECK(response.whole == whole);
    CHECK(response.trouble.empty() == whole);
  }
}

TEST_CASE("a body without a length goes on to the end, and its connection is not used again")
{
  ScriptedServer server{{sending("HTTP/1.1 200 OK\r\n\r\nall of it"), answering("{}")}};
  Client client{server};
  const auto response = client.get();
  CHECK(response.whole);
  CHECK(response.body == "all of it");
  CHECK(client.get().body == "{}");
  CHECK(server.connections() == 2);
}

TEST_CASE("Connection: close is obeyed, and a body that was too long spoils nothing")
{
  ScriptedServer server{{
      [](Peer& peer) {
        peer.read_request();
        peer.answer(200, "1", "Connection: Keep-Alive, Close\r\n");
        peer.wait_for_close();
      },
      [](Peer& peer) {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2and more");
        peer.wait_for_close();
      },
      answering("3"),
  }};
  Client client{server};
  CHECK(client.get().body == "1");
  CHECK(client.get().body == "2");
  CHECK(client.get().body == "3");
  CHECK(server.connections() == 3);
}

TEST_CASE("a promise of an answer is not the answer")
{
  ScriptedServer server{{sending("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")}};
  const auto response = Client{server}.get();
  CHECK(response.ok());
  CHECK(response.body == "{}");
}

TEST_CASE("what is not HTTP is no answer")
{
  for (const char* bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"}) {
    CAPTURE(bytes);
    ScriptedServer server{{sending(bytes)}};
    const auto response = Client{server}.get();
    CHECK(response.delivery == Delivery::unknown);
    CHECK(response.status == 0);
    CHECK(response.trouble.find("not HTTP") != std::string::npos);
  }
}

TEST_CASE("a compressed answer is not taken for the answer itself")
{
  ScriptedServer server{{sending("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")}};
  Collected sink;
  const auto response = Client{server}.transport->send({.path = "/x"}, &sink);
  CHECK(response.status == 200);
  CHECK_FALSE(response.whole);
  CHECK(response.trouble.find("gzip") != std::string::npos);
  CHECK(sink.bytes.empty());
  CHECK(server.requests()[0].find("Accept-Encoding: identity\r\n") != std::string::npos);
}

TEST_CASE("a key that the server repeats stays in the body, to be parsed, and is left out where people read")
{
  const std::string body = R"({"error":{"message":"bad key sk-test-key, sk-test-key"}})";
  for (const int status : {200, 401}) {
    ScriptedServer server{{[&](Peer& peer) {
      peer.read_request();
      peer.answer(status, body, "X-Key: sk-test-key\r\n");
    }}};
    const auto response = Client{server}.get();
    CHECK(response.body == body);
    CHECK(response.header("x-key") == "sk-test-key");
    CHECK(response.without_key(body) == R"({"error":{"message":"bad key ***, ***"}})");
    CHECK(response.without_key("no key").find("no key") == 0);
  }
}

TEST_CASE("a key that is short, and so a word, is left in what people read")
{
  for (const std::string key : {"error", "a", ""}) {
    ScriptedServer server{{answering(R"({"error":"a bad error"})")}};
    const auto response = Client{server.url(), key}.get();
    CHECK(response.body == R"({"error":"a bad error"})");
    CHECK(response.without_key("a bad error") == "a bad error");
  }
}

TEST_CASE("trouble that quotes a header does not quote the key")
{
  ScriptedServer server{{sending("HTTP/1.1 200 OK\r\nContent-Encoding: sk-test-key\r\n\r\n")}};
  const auto response = Client{server}.get();
  CHECK(response.trouble.find("(***)") != std::string::npos);
  CHECK(response.trouble.find("sk-test-key") == std::string::npos);
}

TEST_CASE("a head without end is refused")
{
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x'));
    peer.wait_for_close();
  }}};
  CHECK(Client{server}.get().trouble.find("its head does not end") != std::string::npos);
}

TEST_CASE("a header of 40 KB passes")
{
  ScriptedServer server{
      {sending("HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\nContent-Length: 0\r\n\r\n")}};
  CHECK(Client{server}.get().header("x").size() == 40'000);
}

TEST_CASE("a connection that the server closed while idle is noticed before a POST is sent into it")
{
  std::promise<void> closed;
  ScriptedServer server{{
      [&](Peer& peer) {
        peer.read_request();
        peer.answer(200, "first");
        peer.close();
        closed.set_value();
      },
      answering("second"),
  }};
  Client client{server};
  CHECK(client.get().body == "first");
  closed.get_future().wait();
  CHECK(client.post("{}").body == "second");
  CHECK(client.post("{}").body == "second");
  CHECK(server.connections() == 2);
}

TEST_CASE("a request into a closing connection is repeated for GET and DELETE, never for POST")
{
  const auto scripts = [] {
    return std::vector<tests::Script>{[](Peer& peer) {
                                        peer.read_request();
                                        peer.answer(200, "first");
                                        peer.read_request();
                                        peer.reset();
                                      },
                                      answering("second")};
  };
  SUBCASE("GET")
  {
    ScriptedServer server{scripts()};
    Client client{server};
    client.get();
    CHECK(client.get().body == "second");
    CHECK(server.requests().size() == 3);
  }
  SUBCASE("DELETE")
  {
    ScriptedServer server{scripts()};
    Client client{server};
    client.get();
    CHECK(client.transport->send({.method = Method::del, .path = "/files/f"}).body == "second");
  }
  SUBCASE("POST")
  {
    ScriptedServer server{scripts()};
    Client client{server};
    client.get();
    const auto response = client.post("{}");
    CHECK(response.delivery == Delivery::unknown);
    CHECK(response.status == 0);
    CHECK(server.requests().size() == 2);
  }
}

TEST_CASE("on a fresh connection nothing is repeated")
{
  ScriptedServer server{{[](Peer& peer) { peer.read_request(); }, answering("never")}};
  Client client{server};
  const auto response = client.get();
  CHECK(response.delivery == Delivery::unknown);
  CHECK(response.trouble == "connection closed by the server without an answer");
  CHECK(server.connections() == 1);
}

TEST_CASE("an answer that began is not asked for again")
{
  ScriptedServer server{{
      [](Peer& peer) {
        peer.read_request();
        peer.answer(200, "first");
        peer.read_request();
        peer.send("HTTP/1.1 2");
      },
      answering("never"),
  }};
  Client client{server};
  client.get();
  CHECK(client.get().delivery == Delivery::unknown);
  CHECK(server.connections() == 1);
}

TEST_CASE("nobody listening is not sent")
{
  std::uint16_t port = 0;
  {
    const ScriptedServer gone{{}};
    port = gone.port();
  }
  const auto response = Client{fmt::format("http://127.0.0.1:{}/v1", port)}.post("{}");
  CHECK(response.delivery == Delivery::not_sent);
  CHECK(response.trouble == fmt::format("connection refused by 127.0.0.1:{}", port));
}

TEST_CASE("an unknown name is not sent")
{
  Interrupt interrupt;
  const auto response = open({.base_url = "https://no-such-host.invalid/v1"}, interrupt)->send({.path = "/x"});
  CHECK(response.delivery == Delivery::not_sent);
  CHECK(response.trouble.find("no-such-host.invalid") != std::string::npos);
}

TEST_CASE("silence ends an exchange, and so does a drip that never ends")
{
  const auto timeouts = [](int idle, int total) { return Timeouts{.idle = Millis{idle}, .total = Millis{total}}; };
  SUBCASE("silence before the answer")
  {
    ScriptedServer server{{[](Peer& peer) {
      peer.read_request();
      peer.wait_for_close();
    }}};
    const auto response = Client{server}.transport->send({.path = "/x", .timeouts = timeouts(50, 60'000)});
    CHECK(response.delivery == Delivery::unknown);
    CHECK(response.trouble == "no sign of life in time");
  }
  SUBCASE("silence inside the answer")
  {
    ScriptedServer server{{[](Peer& peer) {
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
      peer.wait_for_close();
    }}};
    const auto response = Client{server}.transport->send({.path = "/x", .timeouts = timeouts(50, 60'000)});
    CHECK(response.delivery == Delivery::answered);
    CHECK_FALSE(response.whole);
    CHECK(response.trouble == "the answer could not be read: no sign of life in time");
  }
  SUBCASE("a drip")
  {
    ScriptedServer server{{[](Peer& peer) {
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\n\r\n");
      while (!peer.is_gone_within(5))
        peer.send("x");
    }}};
    const auto response = Client{server}.transport->send({.path = "/x", .timeouts = timeouts(10'000, 200)});
    CHECK(response.status == 200);
    CHECK_FALSE(response.whole);
    CHECK(response.trouble == "it took longer than 200 ms in all");
  }
}

TEST_CASE("a second wish to stop ends what is in flight")
{
  Interrupt interrupt;
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_request();
    interrupt.ask(2);
    interrupt.ask(2);
    peer.wait_for_close();
  }}};
  const auto transport = open({.base_url = server.url()}, interrupt);
  const auto response = transport->send({.method = Method::post, .path = "/x", .body = "{}"});
  CHECK(response.delivery == Delivery::unknown);
  CHECK(response.trouble == "interrupted");
  CHECK(transport->send({.path = "/x"}).delivery == Delivery::not_sent);
}

TEST_CASE("a sink gets a good body, and errors go to the response")
{
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.answer(206, "part", "Content-Range: bytes 5-8/9\r\n");
    peer.read_request();
    peer.answer(404, "{\"error\":{}}");
  }}};
  Client client{server};
  Collected sink;
  const auto part = client.transport->send({.path = "/f", .from = 5}, &sink);
  CHECK(part.status == 206);
  CHECK(part.body.empty());
  CHECK(sink.status == 206);
  CHECK(sink.bytes == "part");
  Collected other;
  const auto missing = client.transport->send({.path = "/f"}, &other);
  CHECK(missing.body == "{\"error\":{}}");
  CHECK(other.status == 0);
  CHECK(server.requests()[0].find("Range: bytes=5-\r\n") != std::string::npos);
  CHECK(server.requests()[1].find("Range:") == std::string::npos);
}

TEST_CASE("what a sink throws comes out, and the half-read connection is not used again")
{
  struct Full final : Sink {
    void begin(const Response&) override {}
    void write(std::string_view) override { throw Error{Fault::storage, "disk full"}; }
  };
  ScriptedServer server{{answering(std::string(200'000, 'x')), answering("fresh")}};
  Client client{server};
  Full sink;
  CHECK_THROWS_AS(client.transport->send({.path = "/f"}, &sink), Error);
  CHECK(client.get().body == "fresh");
}

TEST_CASE("a large body comes through exactly")
{
  std::string body;
  for (int i = 0; body.size() < 3'000'000; ++i)
    body += std::to_string(i) + '\n';
  ScriptedServer server{{answering(body)}};
  Client client{server};
  Collected sink;
  CHECK(client.transport->send({.path = "/f"}, &sink).ok());
  CHECK(sink.bytes == body);
  CHECK(client.get().body == body);
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("http::upload");

TEST_CASE("an upload is multipart with its exact length, the fields before the file")
{
  const tests::FreshDirectory dir;
  std::string content;
  for (int i = 0; content.size() < 700'000; ++i)
    content += "{\"custom_id\":\"" + std::to_string(i) + "\"}\r\n--x\n";
  const auto file = dir.file("in.jsonl", content);
  ScriptedServer server{{answering("{}")}};
  Client client{server};
  std::vector<std::uint64_t> told;
  const auto response = client.transport->send(
      {.method = Method::post,
       .path = "/files",
       .upload = Upload{.fields = {{"purpose", "batch"}, {"a\"b", "c"}}, .file_name = "p\"1.jsonl", .path = file},
       .on_sent = [&](std::uint64_t bytes) { told.push_back(bytes); }});
  CHECK(response.ok());
  REQUIRE(server.requests().size() == 1);
  const auto request = server.requests()[0];
  const auto mark = request.find("boundary=") + 9;
  const auto boundary = request.substr(mark, request.find("\r\n", mark) - mark);
  const auto body = request.substr(request.find("\r\n\r\n") + 4);
  CHECK(body == "--" + boundary + "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--" + boundary +
                    "\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\nc\r\n--" + boundary +
                    "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p%221.jsonl\"\r\n"
                    "Content-Type: application/jsonl\r\n\r\n" +
                    content + "\r\n--" + boundary + "--\r\n");
  CHECK(request.find(fmt::format("Content-Length: {}\r\n", body.size())) != std::string::npos);
  REQUIRE(told.size() == 3);
  CHECK(told.back() == content.size());
}

TEST_CASE("a file that cannot be read is an error before anything is sent")
{
  ScriptedServer server{{answering("{}")}};
  Client client{server};
  CHECK_THROWS_AS(client.upload("/nonexistent/file"), Error);
  CHECK(server.requests().empty());
}

TEST_CASE("an early refusal is read, though the server closes in the middle of an upload")
{
  const tests::FreshDirectory dir;
  const auto file = dir.file("big", std::string(30'000'000, 'x'));
  SUBCASE("and resets what still comes")
  {
    ScriptedServer server{{[](Peer& peer) {
      peer.read_head();
      peer.swallow(300'000);
      peer.answer(413, R"({"error":{"message":"too large"}})", "Connection: close\r\n");
    }}};
    const auto response = Client{server}.upload(file);
    CHECK(response.delivery == Delivery::answered);
    CHECK(response.status == 413);
    CHECK(response.body == R"({"error":{"message":"too large"}})");
  }
  SUBCASE("or neither reads on nor closes")
  {
    ScriptedServer server{{[](Peer& peer) {
      peer.read_head();
      peer.answer(401, R"({"error":{}})");
      peer.wait_without_reading();
    }}};
    const auto response = Client{server}.upload(file);
    CHECK(response.status == 401);
    CHECK(response.whole);
  }
}

TEST_CASE("a reset in the middle of an upload is unknown, and it is not sent again")
{
  const tests::FreshDirectory dir;
  const auto file = dir.file("big", std::string(30'000'000, 'x'));
  ScriptedServer server{{[](Peer& peer) {
                           peer.read_head();
                           peer.swallow(300'000);
                           peer.reset();
                         },
                         answering("{}")}};
  const auto response = Client{server}.upload(file);
  CHECK(response.delivery == Delivery::unknown);
  CHECK(response.status == 0);
  CHECK(response.trouble.find("server") != std::string::npos);
  CHECK(server.connections() == 1);
}

TEST_CASE("a reset after the whole upload is unknown")
{
  const tests::FreshDirectory dir;
  const auto file = dir.file("small", "{}\n");
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.reset();
  }}};
  const auto response = Client{server}.upload(file);
  CHECK(response.delivery == Delivery::unknown);
  CHECK(response.trouble == "connection reset by the server");
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("http::endpoint");

TEST_CASE("a base URL is refused with the reason when the key would not be safe or the URL is none")
{
  Interrupt interrupt;
  const std::pair<const char*, const char*> cases[] = {
      {"http://api.openai.com/v1", "plain http"},
      {"http://localhost.example.com/v1", "plain http"},
      {"http://128.0.0.1/v1", "plain http"},
      {"ftp://127.0.0.1/", "neither"},
      {"api.openai.com/v1", "neither"},
      {"https:///v1", "no host"},
      {"https://user:secret@host/v1", "user name"},
      {"https://host/v1?key=x", "query"},
      {"https://host/v1#x", "fragment"},
      {"https://host:99999/v1", "no URL"},
      {"https://host:0/v1", "no URL"},
      {"", "neither"},
  };
  for (const auto& row : cases) {
    const std::string url = row.first;
    const auto& reason = row.second;
    CAPTURE(url);
    try {
      open({.base_url = url}, interrupt);
      FAIL_CHECK("accepted");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::config);
      CHECK(std::string{e.what()}.find(reason) != std::string::npos);
    }
  }
  for (const char* url : {"http://localhost:1/v1", "http://LOCALHOST", "http://127.8.9.10:1", "http://[::1]:1/v1",
                          "https://api.openai.com/v1", "https://10.0.0.1"}) {
    CAPTURE(url);
    CHECK_NOTHROW(open({.base_url = url}, interrupt));
  }
}

TEST_CASE("a refused base URL is not shown, since it may hold the key, but for scheme and host")
{
  for (const std::string url :
       {"sk-proj-SECRET", "sk-proj-SECRET:443/v1", "Bearer sk-proj-SECRET", "//SECRET/v1", "user:SECRET@host/v1",
        "https://user:SECRET@host/v1", "https://SECRET@host/v1", "https://user:SE/SECRET@host/v1",
        "http://user:SECRET@10.0.0.1/v1", "https://host/v1?api-key=SECRET", "https://host/v1#SECRET",
        "https://host:0/SECRET", "http://10.0.0.1/SECRET", "ftp://SECRET@host/", "https://host:SECRET/v1"}) {
    CAPTURE(url);
    try {
      parse_base_url(url);
      FAIL_CHECK("accepted");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::config);
      CHECK((std::string{e.what()} + e.hint()).find("SECRET") == std::string::npos);
    }
  }
  CHECK_THROWS_WITH_AS(parse_base_url("http://10.0.0.1:8080/v1?key=x"),
                       "the base URL http://10.0.0.1 cannot be used: it has a query or a fragment", Error);
  CHECK_THROWS_WITH_AS(parse_base_url("api.openai.com/v1"),
                       "the base URL given cannot be used: it begins with neither https:// nor http://", Error);
}

TEST_CASE("the path of a base URL goes out as it stands, encoded once")
{
  const std::pair<const char*, const char*> cases[] = {
      {"https://host", ""},
      {"https://host/v1//", "/v1"},
      {"https://host/a%20b/v1", "/a%20b/v1"},
      {"https://host/a%25", "/a%25"},
      {"https://host/100%2525/v1", "/100%2525/v1"},
  };
  for (const auto& row : cases) {
    const std::string url = row.first;
    CAPTURE(url);
    CHECK(parse_base_url(url).path == row.second);
  }
}

TEST_CASE("a line end in the key or a name is refused, and the key is not shown")
{
  Interrupt interrupt;
  for (const auto& endpoint : {Endpoint{.base_url = "http://127.0.0.1:1", .key = Secret{"sk-secret\nX: y"}},
                               Endpoint{.base_url = "http://127.0.0.1:1", .organization = "org\r\nX: y"},
                               Endpoint{.base_url = "http://127.0.0.1:1", .project = "proj\n"}}) {
    try {
      open(endpoint, interrupt);
      FAIL_CHECK("accepted");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::config);
      CHECK(std::string{e.what()}.find("sk-secret") == std::string::npos);
    }
  }
}

TEST_SUITE_END();
