#include <batchwright/api/caller.hpp>
#include <batchwright/api/large_body.hpp>
#include <batchwright/api/reply.hpp>
#include <batchwright/base/open_files.hpp>
#include <batchwright/json/json.hpp>

#include <chrono>
#include <utility>

namespace batchwright::api {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Where a request line's URL leads below the base URL, which ends in the version already.
std::string path_below_base(std::string_view url)
{
  constexpr std::string_view version = "/v1";
  if (url.starts_with("/v1/")) url.remove_prefix(version.size());
  return std::string{url};
}

Millis time_since(SteadyTime begun)
{
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun);
}

Answered read_answer(http::Response response)
{
  struct NoValue {};
  auto reply = reply_to<NoValue>(response);
  Answered answered{.ending = reply.ending,
                    .status = reply.status,
                    .is_json = json::Document{}.parse(response.body),
                    .error = std::move(reply.error),
                    .trouble = std::move(reply.trouble),
                    .retry_after = reply.retry_after,
                    .request_id = std::move(reply.request_id),
                    .rates = read_rate_headers(response)};
  if (reply.ok() && !answered.is_json) {
    answered.ending = Ending::unknown;
    answered.trouble = no_json(response);
  }
  answered.body = std::move(response.body);
  if (answered.is_json) json::minify(answered.body);
  return answered;
}

class HttpCaller final : public Caller {
public:
  HttpCaller(const http::Endpoint& endpoint, std::filesystem::path spool_directory, std::size_t kept_connections)
      : m_key(endpoint.key),
        m_spool_directory(std::move(spool_directory)),
        m_transport(http::open(endpoint, m_interrupt, kept_connections))
  {
  }

  Answered call(std::string_view url, const std::string& body, Millis timeout) override
  {
    const auto begun = std::chrono::steady_clock::now();
    BodySpool spool{m_spool_directory};
    auto response = send(url, body, timeout, spool);
    const auto took = time_since(begun);
    auto turn = spool.in_file() ? m_turns.wait() : nullptr;
    if (response.body.empty()) response.body = spool.take();
    auto answered = read_answer(std::move(response));
    answered.took = took;
    answered.turn = std::move(turn);
    return answered;
  }

  void end_all() override
  {
    m_interrupt.ask(0);
    m_interrupt.ask(0);
  }

private:
  http::Response send(std::string_view url, const std::string& body, Millis timeout, BodySpool& spool)
  {
    // A model may think for minutes without a word: only the whole time has an end.
    const http::Request request{.method = http::Method::post,
                                .path = path_below_base(url),
                                .body = body,
                                .timeouts = {.idle = Millis{0}, .total = timeout}};
    try {
      return m_transport->send(request, &spool);
    } catch (const TooLarge&) {
      auto response = spool.head();
      response.key = m_key;
      response.trouble = "the answer is larger than 64 MiB";
      spool.discard();
      return response;
    }
  }

  Secret m_key;
  std::filesystem::path m_spool_directory;
  Interrupt m_interrupt = {};
  std::unique_ptr<http::Transport> m_transport;
  Turns m_turns = {};
};

} // namespace

std::unique_ptr<Caller> open_caller(const http::Endpoint& endpoint, const std::filesystem::path& spool_directory,
                                    std::size_t kept_connections)
{
  raise_open_files();
  return std::make_unique<HttpCaller>(endpoint, spool_directory, kept_connections);
}

} // namespace batchwright::api
