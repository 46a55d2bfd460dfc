#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/chat.hpp>
#include <batchwright/emulator/completions.hpp>
#include <batchwright/emulator/embeddings.hpp>
#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/identity.hpp>
#include <batchwright/emulator/media.hpp>
#include <batchwright/emulator/moderations.hpp>
#include <batchwright/emulator/responses.hpp>

#include <algorithm>

namespace batchwright::emulator {
namespace {

std::optional<ApiError> fault_of_model(const Endpoint& endpoint, const json::Value& body)
{
  const auto model = body.get("model");
  if (!model && endpoint.model == Endpoint::Model::optional) return std::nullopt;
  const auto name = model ? model->text() : std::nullopt;
  if (!name || name->empty()) return ApiError{.message = "you must provide a model parameter"};
  if (!model_exists(*name)) return no_such_model(*name);
  return std::nullopt;
}

std::optional<ApiError> fault_of(const Endpoint& endpoint, const json::Value& body)
{
  if (auto fault = fault_of_model(endpoint, body)) return fault;
  if (auto fault = endpoint.fault_of(body)) return fault;
  if (const auto stream = body.find("stream"); stream && stream->boolean() == true) {
    return ApiError{.message = "Streaming is not supported here.",
                    .words = {.param = "stream", .code = "unsupported_value"}};
  }
  return std::nullopt;
}

/// What is said of a request that the model does not take. Of several inputs it does not say which was at fault.
ApiError unacceptable(const Endpoint& endpoint)
{
  if (endpoint.holds == Endpoint::Holds::many) return invalid_input();
  return {.message = "Invalid prompt: your prompt was flagged as not acceptable to this model.",
          .words = {.param = std::string{endpoint.asked}, .code = "invalid_prompt"}};
}

bool asks_bad_text(const Faults& faults, const Endpoint& endpoint, const json::Value& body)
{
  if (faults.bad_text.empty()) return false;
  const auto asked = body.find(endpoint.asked);
  return asked && asked->raw().find(faults.bad_text) != std::string_view::npos;
}

} // namespace

const std::array<Endpoint, 8>& endpoints()
{
  static const std::array<Endpoint, 8> all{responses_endpoint(),   chat_endpoint(),        embeddings_endpoint(),
                                           completions_endpoint(), moderations_endpoint(), images_endpoint(),
                                           image_edits_endpoint(), videos_endpoint()};
  return all;
}

const Endpoint* endpoint_at(std::string_view path)
{
  const auto& all = endpoints();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Endpoint& e) { return e.path == path; });
  return found == all.end() ? nullptr : &*found;
}

ModelReply answer(const Endpoint& endpoint, const json::Value& body, Fate fate, const Frame& frame)
{
  if (const auto fault = fault_of(endpoint, body)) return refused(*fault);
  if (fate == Fate::failed) return refused(unacceptable(endpoint));
  if (fate == Fate::transient) {
    return refused({.status = 500,
                    .message = "The server had an error while processing your request. Sorry about that!",
                    .words = {.type = "server_error"}});
  }
  return endpoint.complete(body, fate, frame);
}

std::int64_t charged_tokens(const Endpoint& endpoint, const json::Value& body)
{
  const auto cap = endpoint.output_cap(body);
  return std::max(endpoint.input_tokens(body), cap == no_cap ? 0 : cap);
}

std::string name_of_model(const Endpoint& endpoint, std::string_view model)
{
  return endpoint.named == Endpoint::Named::dated ? snapshot_of(model) : std::string{model};
}

Billed billed_for(const Endpoint& endpoint, const json::Value& body, const ModelReply& reply, Instant at)
{
  const auto model = body.get("model");
  return {.at = at,
          .kind = usage_kind(endpoint.path),
          .model = name_of_model(endpoint, model ? model->text().value_or("") : ""),
          .usage = reply.usage};
}

std::vector<json::Value> inputs_of(const Endpoint& endpoint, const json::Value& body)
{
  const auto input = endpoint.holds == Endpoint::Holds::many ? body.get("input") : std::nullopt;
  if (!input) return {};
  const auto first = input->front();
  if (first && (first->is(json::Kind::string) || first->is(json::Kind::array))) return input->elements();
  return {*input};
}

std::vector<std::string> input_digests(const Endpoint& endpoint, const json::Value& body)
{
  const auto model = body.get("model");
  const auto name = model ? model->text().value_or("") : std::string{};
  std::vector<std::string> digests;
  for (const auto& input : inputs_of(endpoint, body))
    digests.push_back(input_sha256(endpoint.path, name, input));
  return digests;
}

Fate fate_of(const Faults& faults, std::uint64_t seed, const Endpoint& endpoint, const json::Value& body,
             std::string_view body_sha256, std::int64_t met)
{
  if (asks_bad_text(faults, endpoint, body)) return Fate::failed;
  const auto fate = fate_of(faults, seed, body_sha256, met);
  if (endpoint.holds == Endpoint::Holds::one || faults.fail_share == 0) return fate;
  const auto digests = input_digests(endpoint, body);
  const bool bad = std::any_of(digests.begin(), digests.end(), [&](const std::string& digest) {
    return fate_of(faults, seed, digest, met) == Fate::failed;
  });
  if (bad) return Fate::failed;
  return fate == Fate::failed ? Fate::fine : fate;
}

} // namespace batchwright::emulator
