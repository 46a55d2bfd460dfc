#include "tests/emulator/raw_client.hpp"

#include <Poco/Net/NetException.h>
#include <Poco/Net/StreamSocket.h>
#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <string>

using namespace batchwright;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::phases");

namespace {

enum class End {
  closed,
  reset,
  kept ///< the answer was whole, and the connection stays
};

/// What a connection of its own brought for one call, byte by byte.
struct Heard {
  std::string head = {};
  std::string body = {};
  End end = End::kept;
};

std::size_t announced(const std::string& head)
{
  const auto at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
}

bool whole(const std::string& text)
{
  const auto split = text.find("\r\n\r\n");
  return split != std::string::npos && text.size() - split - 4 >= announced(text.substr(0, split));
}

Heard call(const emulator::Server& server, const std::string& method, const std::string& path,
           const std::string& body = {})
{
  Poco::Net::StreamSocket socket{Poco::Net::SocketAddress{"127.0.0.1", server.port()}};
  socket.setReceiveTimeout(Poco::Timespan{20, 0});
  const auto request = method + " " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n" +
                       "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                       body;
  std::string text(1 << 16, '\0');
  std::string heard;
  Heard result;
  try {
    socket.sendBytes(request.data(), static_cast<int>(request.size()));
    while (!whole(heard)) {
      const auto n = socket.receiveBytes(text.data(), static_cast<int>(text.size()));
      if (n == 0) result.end = End::closed;
      if (n == 0) break;
      heard.append(text, 0, static_cast<std::size_t>(n));
    }
  } catch (const Poco::Net::NetException&) {
    result.end = End::reset;
  }
  const auto split = heard.find("\r\n\r\n");
  result.head = heard.substr(0, split);
  if (split != std::string::npos) result.body = heard.substr(split + 4);
  return result;
}

/// A server with a rule for creating batches, and an uploaded file.
struct World {
  explicit World(const std::string& rule)
      : server(tests::quick_with(R"({"http":[{"method":"POST","path":"/v1/batches",)" + rule + "}]}")), client(server)
  {
    file = client.upload(tests::request_lines(2)).text("id");
  }

  Heard create() { return call(server, "POST", "/v1/batches", RawClient::batch_body(file)); }
  int created() { return client.ledger()->getValue<int>("batches_created"); }
  bool told() { return client.ledger()->getArray("batches")->getObject(0)->getValue<bool>("answered"); }

  emulator::Server server;
  RawClient client;
  std::string file = {};
};

} // namespace

TEST_CASE("before the effect nothing is done, after it all is, and the client hears the same")
{
  struct Case {
    const char* action;
    const char* head;
    End end;
  };
  const Case cases[] = {{R"("action":"status","status":500)", "HTTP/1.1 500", End::kept},
                        {R"("action":"status","status":408)", "HTTP/1.1 408", End::kept},
                        {R"("action":"html")", "HTTP/1.1 502", End::kept},
                        {R"("action":"garbage")", "HTTP/1.1 200", End::kept},
                        {R"("action":"close")", "", End::closed},
                        {R"("action":"reset")", "", End::reset}};
  for (const auto& c : cases) {
    CAPTURE(c.action);
    World before{std::string{R"("phase":"before-effect",)"} + c.action};
    World after{std::string{R"("phase":"after-effect",)"} + c.action};
    for (auto* world : {&before, &after}) {
      const auto heard = world->create();
      CHECK(heard.head.starts_with(c.head));
      CHECK(heard.head.empty() == (*c.head == '\0'));
      CHECK(heard.end == c.end);
      CHECK(heard.body.find("\"id\":\"batch_") == std::string::npos);
    }
    CHECK(before.created() == 0);
    CHECK(after.created() == 1);
    CHECK_FALSE(after.told());
  }
}

TEST_CASE("a call that hangs is never answered, whether it was done or not")
{
  for (const int done : {0, 1}) {
    World world{std::string{R"("phase":")"} + (done ? "after" : "before") + R"(-effect","action":"hang")"};
    world.client.session().reset(); // a timeout holds from the next connection on
    world.client.session().setTimeout(Poco::Timespan{0, 300'000});
    CHECK_THROWS_AS(world.client.post("/v1/batches", RawClient::batch_body(world.file)), Poco::TimeoutException);
    world.client.session().reset();
    world.client.session().setTimeout(Poco::Timespan{20, 0});
    CHECK(world.created() == done);
  }
}

TEST_CASE("a delay comes where its phase says, and the answer is whole")
{
  using namespace std::chrono;
  for (const auto* phase : {"before-effect", "after-effect", "mid-body"}) {
    CAPTURE(phase);
    World world{R"("phase":")" + std::string{phase} + R"(","delay_ms":150)"};
    const auto begun = steady_clock::now();
    const auto heard = world.create();
    CHECK(steady_clock::now() - begun >= 150ms);
    CHECK(heard.end == End::kept);
    CHECK(heard.body.find("\"id\":\"batch_") != std::string::npos);
    CHECK(world.told());
  }
}

TEST_CASE("an answer breaks off at the byte that the rule names, its length announced in full")
{
  for (const auto* action : {"close", "reset"}) {
    CAPTURE(action);
    World world{R"("phase":"mid-body","at_byte":17,"action":")" + std::string{action} + "\""};
    const auto heard = world.create();
    CHECK(heard.head.starts_with("HTTP/1.1 200"));
    CHECK(announced(heard.head) > 400);
    CHECK(heard.body.size() == 17);
    CHECK(heard.body.starts_with("{\"id\":\"batch_"));
    CHECK(heard.end == (std::string{action} == "close" ? End::closed : End::reset));
    CHECK(world.created() == 1);
    CHECK_FALSE(world.told());
  }
}

TEST_CASE("answers of the wrong length, truncated and spoiled ones")
{
  World longer{R"("action":"wrong_length")"};
  const auto promised = longer.create();
  CHECK(announced(promised.head) == promised.body.size() + 16);
  CHECK(promised.end == End::closed);
  CHECK(tests::parsed(promised.body)->getValue<std::string>("object") == "batch");

  World shorter{R"("action":"truncate","phase":"mid-body","at_byte":30)"};
  const auto cut = shorter.create();
  CHECK(announced(cut.head) == 30);
  CHECK(cut.body.size() == 30);
  CHECK(cut.end == End::kept);

  World half{R"("action":"truncate")"};
  CHECK(announced(half.create().head) > 100);

  World spoiled{R"("action":"garbage","phase":"mid-body","at_byte":13)"};
  const auto mixed = spoiled.create();
  CHECK(mixed.body.starts_with("{\"id\":\"batch_"));
  CHECK_THROWS(tests::parsed(mixed.body));
  CHECK(mixed.body.substr(13).find_first_of("{}\":abcdef") == std::string::npos);
  CHECK(announced(mixed.head) == mixed.body.size());

  for (auto* world : {&longer, &shorter, &half, &spoiled}) {
    CHECK(world->created() == 1);
    CHECK_FALSE(world->told());
  }
}

TEST_CASE("an answer drips at its speed, from a file too")
{
  using namespace std::chrono;
  emulator::Server server{
      tests::quick_with(R"({"http":[{"path":"/v1/files/*/content","action":"drip","bytes_per_second":2000}]})")};
  RawClient client{server};
  const std::string content(1000, 'x');
  const auto id = client.upload(content).text("id");
  const auto begun = steady_clock::now();
  CHECK(client.get("/v1/files/" + id + "/content").body == content);
  const auto spent = steady_clock::now() - begun;
  CHECK(spent >= 450ms);
  CHECK(spent < 3s);
}

TEST_CASE("a download breaks off, drops or spoils where it is told to")
{
  emulator::Server server{tests::quick_with(R"({"http":[
{"path":"/v1/files/*/content","nth":1,"phase":"mid-body","at_byte":700000,"action":"reset"},
{"path":"/v1/files/*/content","nth":2,"phase":"mid-body","at_byte":700000,"action":"garbage"},
{"path":"/v1/files/*/content","nth":3,"action":"truncate"}]})")};
  RawClient client{server};
  const std::string content(1'000'000, 'x');
  const auto path = "/v1/files/" + client.upload(content).text("id") + "/content";
  const auto broken = call(server, "GET", path);
  CHECK(broken.body.size() == 700'000);
  CHECK(broken.end == End::reset);
  const auto spoiled = call(server, "GET", path);
  CHECK(spoiled.body.size() == 1'000'000);
  CHECK(spoiled.body.find_last_of('x') == 699'999);
  CHECK(call(server, "GET", path).body.size() == 500'000);
  CHECK(call(server, "GET", path).body == content);
}

TEST_CASE("an upload is cut while its body is on its way, and is not there")
{
  emulator::Server server{
      tests::quick_with(R"({"http":[{"method":"POST","path":"/v1/files","nth":1,"at_byte":5000,"action":"reset"}]})")};
  RawClient client{server};
  CHECK_THROWS_AS(client.upload(std::string(20'000'000, 'x')), Poco::Exception);
  client.session().reset();
  CHECK(client.ledger()->getValue<int>("uploads") == 0);
  CHECK(client.upload("{}\n").status == 200);
}

TEST_CASE("a probability decides by the seed and the number of the call")
{
  const std::string rule = R"({"http":[{"path":"/v1/models","probability":0.3,"action":"status","status":503}]})";
  const auto struck = [&](std::uint64_t seed) {
    auto options = tests::quick_with(rule);
    options.seed = seed;
    emulator::Server server{std::move(options)};
    RawClient client{server};
    std::set<int> calls;
    for (int i = 1; i <= 200; ++i)
      if (client.get("/v1/models").status == 503) calls.insert(i);
    return calls;
  };
  const auto first = struck(7);
  CHECK(first.size() > 40);
  CHECK(first.size() < 80);
  CHECK(struck(7) == first);
  CHECK(struck(8) != first);
}

TEST_CASE("a real-time answer that was kept from the client counts as cut")
{
  for (const auto* rule : {R"("phase":"after-effect","action":"status","status":500)",
                           R"("phase":"mid-body","action":"close")", R"("action":"truncate")"}) {
    CAPTURE(rule);
    emulator::Server server{
        tests::quick_with(R"({"http":[{"path":"/v1/chat/completions",)" + std::string{rule} + "}]}")};
    call(server, "POST", "/v1/chat/completions", R"({"model":"gpt-4o","messages":[{"role":"user","content":"x"}]})");
    RawClient client{server};
    CHECK(client.ledger()->getValue<int>("live_billed") == 1);
    CHECK(client.ledger()->getValue<int>("live_cut") == 1);
  }
}
