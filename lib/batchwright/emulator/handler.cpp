#include <batchwright/base/files.hpp>
#include <batchwright/emulator/answer_body.hpp>
#include <batchwright/emulator/handler.hpp>
#include <batchwright/emulator/severing.hpp>

#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/URI.h>

#include <algorithm>

namespace batchwright::emulator {
namespace {

namespace net = Poco::Net;

constexpr std::uint64_t most_drained = 1ULL << 30;
constexpr std::int64_t between_looks_ms = 20;
constexpr std::size_t garbage_answer = 64;

std::string lower(std::string text)
{
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Call call_of(net::HTTPServerRequest& request)
{
  const Poco::URI uri{request.getURI()};
  Call call{.method = request.getMethod(), .path = uri.getPath(), .body = &request.stream()};
  for (const auto& [name, value] : uri.getQueryParameters())
    call.query.emplace(name, value);
  for (const auto& [name, value] : request)
    call.headers[lower(name)] = value;
  if (request.hasContentLength()) call.content_length = static_cast<std::uint64_t>(request.getContentLength64());
  return call;
}

int descriptor_of(net::HTTPServerRequest& request)
{
  return dynamic_cast<net::HTTPServerRequestImpl&>(request).socket().impl()->sockfd();
}

/// Reads so many bytes of a body, if there are as many.
void skip(std::istream& body, std::uint64_t bytes)
{
  std::string block(1 << 16, '\0');
  while (bytes > 0 && body) {
    body.read(block.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(bytes, block.size())));
    if (body.gcount() == 0) return;
    bytes -= static_cast<std::uint64_t>(body.gcount());
  }
}

} // namespace

void Handler::handleRequest(net::HTTPServerRequest& request, net::HTTPServerResponse& response)
{
  m_begun = std::chrono::steady_clock::now();
  m_request = &request;
  m_response = &response;
  auto call = call_of(request);
  const auto rule =
      call.path.starts_with("/v1/") ? m_serving.faults.strike(call.method, call.path) : std::optional<HttpFault>{};
  m_serving.service.ledger().called(call.method, Service::route_of(call), !rule || rule->answers());
  if (Service::is_live(call)) m_live.emplace(m_serving.service.ledger(), m_serving.clock);
  call.answered = !rule || rule->tells();
  call.client_left = [fd = descriptor_of(request)] { return has_left(fd); };
  if (rule && rule->effect.phase == Phase::before_effect && before_effect(*rule, call) == Next::over) return;
  const auto reply = m_serving.service.handle(call);
  // What is left unread would be taken for the next request of the connection.
  skip(*call.body, most_drained);
  if (rule && rule->effect.phase == Phase::after_effect && act(*rule, call) == Next::over) return;
  send(reply, rule);
}

Handler::Next Handler::before_effect(const HttpFault& rule, Call& call)
{
  if (rule.at_byte) skip(*call.body, static_cast<std::uint64_t>(*rule.at_byte));
  const auto next = act(rule, call);
  if (next == Next::over || rule.effect.action != Action::garbage) return next;
  skip(*call.body, most_drained);
  send({.body = garbage(0, garbage_answer)}, std::nullopt);
  return Next::over;
}

/// What a rule does where no answer is on its way. Where the call goes on after it, the rule is one for the answer.
Handler::Next Handler::act(const HttpFault& rule, Call& call)
{
  const auto fd = descriptor_of(*m_request);
  m_response->setKeepAlive(m_response->getKeepAlive() && rule.answers());
  if (!m_serving.pause.wait(rule.delay_ms)) {
    close_connection(fd);
    return Next::over;
  }
  if (!rule.answers()) m_live.reset();
  switch (rule.effect.action) {
  case Action::close:
    close_connection(fd);
    return Next::over;
  case Action::reset:
    reset_connection(fd);
    return Next::over;
  case Action::hang:
    hang();
    return Next::over;
  case Action::status:
  case Action::html:
  case Action::slow_down:
    skip(*call.body, most_drained);
    send(m_serving.faults.answer_of(rule), std::nullopt);
    return Next::over;
  default:
    return Next::go_on;
  }
}

/// Ends the call in the book, before its client can know and make another.
void Handler::answered(const Reply& reply, const std::optional<HttpFault>& rule)
{
  const bool whole = (!rule || rule->answers()) && !has_left(descriptor_of(*m_request));
  if (m_live && whole) m_live->answered(reply.status);
  m_live.reset();
}

void Handler::hang() const
{
  const auto fd = descriptor_of(*m_request);
  while (!has_left(fd) && m_serving.pause.wait(between_looks_ms)) {
  }
  close_connection(fd);
}

void Handler::write_head(const Reply& reply, std::uint64_t announced)
{
  using std::chrono::milliseconds;
  const auto spent = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - m_begun);
  auto& response = *m_response;
  const auto status = static_cast<net::HTTPResponse::HTTPStatus>(reply.status);
  response.setStatusAndReason(status, net::HTTPResponse::getReasonForStatus(status));
  response.setDate(Poco::Timestamp::fromEpochTime(static_cast<std::time_t>(unix_seconds(m_serving.clock.now()))));
  response.setContentType(reply.content_type);
  response.set("x-request-id", fresh_id("req_"));
  response.set("openai-processing-ms", std::to_string(spent.count()));
  response.set("openai-organization", std::string{organization});
  response.set("openai-version", "2020-10-01");
  for (const auto& [name, value] : reply.headers)
    response.set(name, value);
  response.setContentLength64(static_cast<Poco::Int64>(announced));
}

void Handler::send(const Reply& reply, const std::optional<HttpFault>& rule)
{
  answered(reply, rule);
  AnswerBody body{reply, rule};
  const bool ours = reply.file && reply.file->afterwards == FilePiece::Afterwards::remove;
  if (ours) discard_file(reply.file->path);
  std::optional<Ongoing> download;
  if (reply.file && !ours) download.emplace(m_serving.service.ledger(), Activity::download);
  write_head(reply, body.announced());
  auto& out = m_response->send();
  body.write(out, body.stop(), m_serving.pause);
  Call none;
  if (rule && rule->effect.phase == Phase::mid_body && act(*rule, none) == Next::over) return;
  body.write_rest(out, m_serving.pause);
  if (!out && reply.lost) reply.lost();
  if (rule && rule->effect.action == Action::wrong_length) close_connection(descriptor_of(*m_request));
}

} // namespace batchwright::emulator
