// The peer: a bare Poco loop, a session and a thread for each request in flight.
#include "tests/bench/load.hpp"

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/StreamCopier.h>
#include <Poco/URI.h>

#include <sys/resource.h>

#include <memory>

namespace {

using namespace Poco::Net;

std::unique_ptr<HTTPClientSession> open_session(const Poco::URI& base, const Context::Ptr& context)
{
  std::unique_ptr<HTTPClientSession> session;
  if (base.getScheme() == "https") {
    session = std::make_unique<HTTPSClientSession>(base.getHost(), base.getPort(), context);
  } else {
    session = std::make_unique<HTTPClientSession>(base.getHost(), base.getPort());
  }
  session->setKeepAlive(true);
  session->setKeepAliveTimeout(Poco::Timespan{3600, 0});
  session->setTimeout(Poco::Timespan{60, 0});
  return session;
}

bool post(HTTPClientSession& session, const std::string& path)
try {
  HTTPRequest request{HTTPRequest::HTTP_POST, path, HTTPMessage::HTTP_1_1};
  request.setContentType("application/json");
  request.setContentLength(static_cast<std::streamsize>(bench::request_body.size()));
  request.set("Authorization", "Bearer sk-bench-key");
  session.sendRequest(request) << bench::request_body;
  HTTPResponse response;
  std::string body;
  Poco::StreamCopier::copyToString(session.receiveResponse(response), body);
  return response.getStatus() == HTTPResponse::HTTP_OK && !body.empty();
} catch (const Poco::Exception&) {
  session.reset();
  return false;
}

} // namespace

int main(int argc, char** argv)
{
  const auto load = bench::read_load(argc, argv);
  rlimit files = {};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  initializeSSL();
  const Poco::URI base{load.base_url};
  const Context::Ptr context{new Context{Context::TLS_CLIENT_USE, load.ca_file, Context::VERIFY_STRICT}};
  return bench::run(load, [&] {
    const std::shared_ptr<HTTPClientSession> session = open_session(base, context);
    return [session, path = base.getPath() + "/chat/completions"] { return post(*session, path); };
  });
}
