// The calls of a client, written by hand over Poco: nothing of the program's own client is used to judge the server.
#pragma once

#include <batchwright/emulator/emulator.hpp>

#include <Poco/JSON/Parser.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tests {

using Object = Poco::JSON::Object::Ptr;

inline Object parsed(const std::string& text)
{
  return Poco::JSON::Parser{}.parse(text).extract<Object>();
}

struct Answer {
  int status = 0;
  std::string body = {};
  std::map<std::string, std::string> headers = {};

  Object json() const { return parsed(body); }
  std::string text(const std::string& key) const { return json()->getValue<std::string>(key); }
  Object error() const { return json()->getObject("error"); }
  std::string code() const { return error()->isNull("code") ? "" : error()->getValue<std::string>("code"); }
  std::string message() const { return error()->getValue<std::string>("message"); }
};

class RawClient {
public:
  explicit RawClient(const batchwright::emulator::Server& server, std::string key = "sk-test")
      : m_session("127.0.0.1", server.port()), m_key(std::move(key))
  {
    m_session.setKeepAlive(true);
    m_session.setKeepAliveTimeout(Poco::Timespan{3600, 0});
    m_session.setTimeout(Poco::Timespan{60, 0});
  }

  using Headers = std::map<std::string, std::string>;

  Answer call(const std::string& method, const std::string& path, const std::string& body = {},
              const Headers& headers = {{"Content-Type", "application/json"}})
  {
    Poco::Net::HTTPRequest request{method, path, Poco::Net::HTTPMessage::HTTP_1_1};
    if (!m_key.empty()) request.set("Authorization", "Bearer " + m_key);
    for (const auto& [name, value] : headers)
      request.set(name, value);
    request.setContentLength(static_cast<int>(body.size()));
    m_session.sendRequest(request) << body;
    Poco::Net::HTTPResponse response;
    std::ostringstream text;
    text << m_session.receiveResponse(response).rdbuf();
    Answer answer{.status = response.getStatus(), .body = text.str()};
    for (const auto& [name, value] : response)
      answer.headers[name] = value;
    return answer;
  }
  Answer get(const std::string& path) { return call("GET", path, {}, {}); }
  Answer post(const std::string& path, const std::string& body) { return call("POST", path, body); }

  using Fields = std::vector<std::pair<std::string, std::string>>;

  Answer upload(const std::string& content, const std::string& filename = "in.jsonl",
                const Fields& fields = {{"purpose", "batch"}})
  {
    std::string body;
    for (const auto& [name, value] : fields)
      body += "--b0undary\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
    body += "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename +
            "\"\r\nContent-Type: application/jsonl\r\n\r\n" + content + "\r\n--b0undary--\r\n";
    return call("POST", "/v1/files", body, {{"Content-Type", "multipart/form-data; boundary=b0undary"}});
  }

  static std::string batch_body(const std::string& file_id)
  {
    return R"({"input_file_id":")" + file_id + R"(","endpoint":"/v1/chat/completions","completion_window":"24h"})";
  }
  /// Uploads and creates; the batch's id.
  std::string submit(const std::string& content)
  {
    const auto file = upload(content);
    REQUIRE(file.status == 200);
    const auto batch = post("/v1/batches", batch_body(file.text("id")));
    REQUIRE(batch.status == 200);
    return batch.text("id");
  }
  /// The batch once `reached` says so; fails the test when that takes 30 s.
  template<class Reached>
  Object wait_for(const std::string& id, Reached reached)
  {
    for (int i = 0; i < 15'000; ++i) {
      const auto batch = get("/v1/batches/" + id).json();
      if (reached(batch)) return batch;
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    FAIL("batch " << id << " never came to what was waited for");
    return {};
  }
  Object wait_for_status(const std::string& id, const std::string& status)
  {
    return wait_for(id, [&](const Object& batch) { return batch->getValue<std::string>("status") == status; });
  }
  Object run(const std::string& content) { return wait_for_status(submit(content), "completed"); }

  /// The lines of a file that a batch names under `key`; none where the id is null.
  std::vector<std::string> lines(const Object& batch, const std::string& key)
  {
    std::vector<std::string> found;
    if (batch->isNull(key)) return found;
    std::istringstream text{get("/v1/files/" + batch->getValue<std::string>(key) + "/content").body};
    for (std::string line; std::getline(text, line);)
      found.push_back(line);
    return found;
  }
  Object ledger(const std::string& query = {}) { return get("/emulator/ledger" + query).json(); }

  Poco::Net::HTTPClientSession& session() { return m_session; }

private:
  Poco::Net::HTTPClientSession m_session;
  std::string m_key;
};

/// A request line whose prompt is `text` (as it stands between JSON quotes).
inline std::string request_line(const std::string& custom_id, const std::string& text, const std::string& more = {})
{
  return R"({"custom_id":")" + custom_id +
         R"(","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5.4-mini","messages":[{"role":"user","content":")" +
         text + R"("}])" + more + "}}\n";
}

/// `count` requests, item-0 with prompt "text 0" and so on.
inline std::string request_lines(int count)
{
  std::string lines;
  for (int i = 0; i < count; ++i)
    lines += request_line("item-" + std::to_string(i), "text " + std::to_string(i));
  return lines;
}

/// A server that does everything as fast as it can, with these faults.
inline batchwright::emulator::Options quick(batchwright::emulator::Faults faults = {})
{
  faults.validating_ms = faults.in_progress_ms = faults.finalizing_ms = faults.cancelling_ms = 0;
  return {.faults = std::move(faults)};
}

/// The same with faults as a file gives them.
inline batchwright::emulator::Options quick_with(const std::string& json)
{
  return quick(batchwright::emulator::parse_faults(json, "faults.json"));
}

} // namespace tests
