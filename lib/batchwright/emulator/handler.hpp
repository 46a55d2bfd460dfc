// One call over one connection: makes a call of the request, has it answered, and sends the answer, or does to it what
// the rule that strikes it says. In: Poco's request and response. Never: knows what a call means.
#pragma once

#include <batchwright/emulator/http_faults.hpp>
#include <batchwright/emulator/service.hpp>
#include <batchwright/emulator/setting.hpp>

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>

#include <chrono>
#include <optional>

namespace batchwright::emulator {

/// What all handlers of a server share.
struct Serving {
  Service& service;
  HttpFaults& faults;
  Pause& pause;
  const Clock& clock;
};

class Handler final : public Poco::Net::HTTPRequestHandler {
public:
  explicit Handler(const Serving& serving) : m_serving(serving) {}

  void handleRequest(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) override;

private:
  /// The ends of a call that no answer follows.
  enum class Next {
    go_on,
    over
  };

  Next act(const HttpFault& rule, Call& call);
  Next before_effect(const HttpFault& rule, Call& call);
  void answered(const Reply& reply, const std::optional<HttpFault>& rule);
  void hang() const;
  void send(const Reply& reply, const std::optional<HttpFault>& rule);
  void write_head(const Reply& reply, std::uint64_t announced);

  Serving m_serving;
  Poco::Net::HTTPServerRequest* m_request = nullptr;
  Poco::Net::HTTPServerResponse* m_response = nullptr;
  std::chrono::steady_clock::time_point m_begun = {};
  std::optional<LiveCall> m_live = {};
};

} // namespace batchwright::emulator
