// One transport, many threads: answers do not get mixed up, and what ends one exchange does not end another.
#include "tests/support/certificates.hpp"
#include "tests/support/fresh_directory.hpp"
#include "tests/support/scripted_server.hpp"

#include <batchwright/api/client.hpp>
#include <batchwright/http/retry.hpp>
#include <batchwright/http/transport.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <thread>

using namespace batchwright;
using namespace batchwright::http;
using tests::Peer;
using tests::ScriptedServer;

namespace {

constexpr int threads = 8;

/// Runs `work` with the numbers from 0, each on a thread of its own.
void side_by_side(const std::function<void(int)>& work, int count = threads)
{
  std::vector<std::thread> running;
  for (int i = 0; i < count; ++i)
    running.emplace_back(work, i);
  for (auto& thread : running)
    thread.join();
}

/// "GET /v1/a/b HTTP/1.1...": the path.
std::string path_of(const std::string& request)
{
  const auto begin = std::min(request.find(' '), request.size() - 1) + 1;
  return request.substr(begin, request.find(' ', begin) - begin);
}

/// Answers so many requests with their path, then closes without a word.
tests::Script echoing(int answers)
{
  return [answers](Peer& peer) {
    for (int n = 0; n < answers; ++n) {
      const auto request = peer.read_request();
      if (request.empty()) return;
      if (request.find("/silence") != std::string::npos) return peer.wait_for_close();
      peer.answer(200, path_of(request));
    }
    // The next request may be on its way already: its connection is stale then.
  };
}

/// What the server keeps and describes: files by their number, as they were uploaded.
tests::Script keeping_files()
{
  return [](Peer& peer) {
    for (auto request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      const auto path = path_of(request);
      const auto name = request.find("filename=\"");
      if (name != std::string::npos) {
        peer.answer(
            200, fmt::format(R"({{"id":"{}"}})", request.substr(name + 10, request.find('"', name + 10) - name - 10)));
      } else if (path.ends_with("/content")) {
        peer.answer(200, fmt::format("{{\"path\":\"{}\"}}\n", path));
      } else {
        peer.answer(200, fmt::format(R"({{"id":"{}","status":"in_progress"}})", path.substr(path.rfind('/') + 1)));
      }
    }
  };
}

} // namespace

TEST_SUITE_BEGIN("http::load");

TEST_CASE("each thread gets its own answers, over connections that close now and then, and each POST goes out once")
{
  std::vector<tests::Script> scripts;
  for (int i = 0; i < 1'000; ++i)
    scripts.push_back(echoing(1 + i % 7));
  ScriptedServer server{scripts};
  const Interrupt interrupt;
  const auto transport = open({.base_url = server.url()}, interrupt);
  std::atomic<int> good{0}, lost{0}, ended{0}, wrong{0};
  const auto exchange = [&](int thread, int n) {
    const bool silent = n % 20 == 19;
    const auto path = fmt::format("/{}/{}/{}", thread, n, silent ? "silence" : "echo");
    const auto method = n % 3 == 0 ? Method::post : Method::get;
    Request request{.method = method, .path = path};
    if (silent) request.timeouts.total = Millis{50};
    const auto response = transport->send(request);
    if (response.ok() && response.body == "/v1" + path) return ++good;
    if (silent && response.status == 0) return ++ended;
    return method == Method::post && response.delivery == Delivery::unknown ? ++lost : ++wrong;
  };
  side_by_side([&](int thread) {
    for (int n = 0; n < 60; ++n)
      exchange(thread, n);
  });
  CHECK(wrong == 0);
  CHECK(ended == threads * 3);
  CHECK(good + lost == threads * 57);
  CHECK(good >= threads * 38); // all that may be repeated
  auto posts = server.requests();
  posts.erase(std::remove_if(posts.begin(), posts.end(), [](const auto& r) { return !r.starts_with("POST"); }),
              posts.end());
  std::sort(posts.begin(), posts.end());
  CHECK(std::adjacent_find(posts.begin(), posts.end()) == posts.end());
}

TEST_CASE("two hundred in flight keep their connections, where as many may be kept")
{
  constexpr int many = 200;
  constexpr int rounds = 5;
  std::atomic<int> waiting{0};
  // Answers come only once all of a round are in flight.
  const tests::Script together = [&](Peer& peer) {
    for (auto request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      const int round = waiting++ / many;
      while (waiting < (round + 1) * many)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      peer.answer(200, path_of(request));
    }
  };
  ScriptedServer server{std::vector<tests::Script>(many * rounds, together)};
  const Interrupt interrupt;
  const auto transport = open({.base_url = server.url("localhost")}, interrupt, many);
  std::atomic<int> good{0};
  std::barrier all_back{many};
  side_by_side(
      [&](int thread) {
        for (int n = 0; n < rounds; ++n) {
          const auto path = fmt::format("/{}/{}", thread, n);
          const auto response = transport->send({.method = Method::post, .path = path, .body = "{}"});
          if (response.ok() && response.body == "/v1" + path) ++good;
          all_back.arrive_and_wait(); // so that all connections are idle at a time
        }
      },
      many);
  CHECK(good == many * rounds);
  CHECK(server.connections() < 2 * many); // a machine that is busy lets some grow too old for a POST
}

TEST_CASE("handshakes side by side do not tell each other's trouble")
{
  const tests::FreshDirectory dir;
  const tests::Authority authority{dir.path()};
  constexpr int handshakes = 10;
  const tests::Script once = [](Peer& peer) {
    if (!peer.read_request().empty()) peer.answer(200, "{}", "Connection: close\r\n");
  };
  ScriptedServer server{std::vector<tests::Script>(threads * handshakes, once), authority.vouch_for("IP:127.0.0.1")};
  const Interrupt interrupt;
  const auto friendly = open({.base_url = server.url(), .ca_file = authority.ca_file()}, interrupt);
  const auto stranger = open({.base_url = server.url()}, interrupt);
  std::atomic<int> good{0}, refused{0};
  side_by_side([&](int thread) {
    for (int n = 0; n < handshakes; ++n) {
      if (thread % 2 == 0) {
        good += friendly->send({.path = "/x"}).ok() ? 1 : 0;
      } else {
        refused += stranger->send({.path = "/x"}).trouble.starts_with("certificate not trusted: unable to get") ? 1 : 0;
      }
    }
  });
  CHECK(good == threads / 2 * handshakes);
  CHECK(refused == threads / 2 * handshakes);
}

TEST_CASE("jobs side by side share one client")
{
  const tests::FreshDirectory dir;
  ScriptedServer server{std::vector<tests::Script>(64, keeping_files())};
  const Interrupt interrupt;
  const auto plain = open({.base_url = server.url(), .key = Secret{"sk-test-key"}}, interrupt);
  const auto again = retrying(*plain, {}, sleep_unless(interrupt));
  api::Client client{*again, *plain, wire::openai()};
  std::atomic<int> good{0};
  side_by_side([&](int thread) {
    for (int n = 0; n < 10; ++n) {
      const auto name = fmt::format("file-{}-{}", thread, n);
      const auto up = client.upload(dir.file(name, std::string(100'000, 'x')), name);
      const auto batch = client.batch(BatchId{name});
      const auto to = dir / (name + ".out");
      const auto down = client.download(FileId{name}, to);
      if (up.ok() && up.value.id.str() == name && batch.ok() && batch.value.id.str() == name && down.ok() &&
          tests::slurp(to) == fmt::format("{{\"path\":\"/v1/files/{}/content\"}}\n", name)) {
        ++good;
      }
    }
  });
  CHECK(good == threads * 10);
}

TEST_SUITE_END();
