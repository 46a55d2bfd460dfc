#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/media.hpp>

namespace batchwright::emulator {
namespace {

constexpr std::string_view one_pixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
constexpr std::int64_t tokens_of_image = 1056;
constexpr std::int64_t day = 86'400;

std::int64_t input_tokens(const json::Value& body)
{
  const auto prompt = body.get("prompt");
  return prompt ? token_count(prompt->raw()) : 1;
}

std::int64_t output_cap(const json::Value&)
{
  return no_cap;
}

std::optional<ApiError> fault_of_image(const json::Value& body)
{
  if (auto fault = fault_of_text(body, "prompt")) return fault;
  return fault_of_number(body, "n", 1, 10);
}

std::optional<ApiError> fault_of_edit(const json::Value& body)
{
  const auto images = body.get("images");
  if (!images) return missing_parameter("images");
  if (!images->is(json::Kind::array)) return wrong_type("images", "an array of objects");
  const auto first = images->front();
  if (!first) return empty_array("images");
  if (!first->get("file_id") && !first->get("image_url")) return missing_parameter("images[0].image_url");
  return fault_of_image(body);
}

std::optional<ApiError> fault_of_video(const json::Value& body)
{
  if (auto fault = fault_of_text(body, "prompt")) return fault;
  const auto reference = body.get("input_reference");
  if (!reference || reference->get("file_id") || reference->get("image_url")) return std::nullopt;
  return wrong_type("input_reference", "an object with 'file_id' or 'image_url'");
}

ModelReply image(const json::Value& body, Fate, const Frame& frame)
{
  const auto count = cap_in(body, "n", 1);
  ModelReply reply{.usage = {.input_tokens = input_tokens(body), .output_tokens = count * tokens_of_image}};
  const auto prompt = *body.find("prompt");
  const auto shown = json::decode_lossy(prompt.token());
  json::Writer w{reply.body};
  w.begin_object().member("created", frame.created).key("data").begin_array();
  for (std::int64_t i = 0; i < count; ++i) {
    w.begin_object().member("b64_json", one_pixel);
    w.member("revised_prompt", echo(prompt.text().value_or(std::string{prompt.token()}), shown)).end_object();
  }
  w.end_array().member("background", "opaque").member("output_format", "png").member("quality", "medium");
  w.member("size", "1024x1024").key("usage").begin_object().member("input_tokens", reply.usage.input_tokens);
  w.key("input_tokens_details").begin_object().member("text_tokens", reply.usage.input_tokens);
  w.member("image_tokens", std::int64_t{0}).end_object();
  w.member("output_tokens", reply.usage.output_tokens);
  w.member("total_tokens", reply.usage.input_tokens + reply.usage.output_tokens).end_object().end_object();
  return reply;
}

ModelReply video(const json::Value& body, Fate fate, const Frame& frame)
{
  const bool failed = fate == Fate::model_failed;
  const auto asked = [&](std::string_view key, std::string_view otherwise) {
    const auto value = body.get(key);
    return value && value->text() ? *value->text() : std::string{otherwise};
  };
  ModelReply reply;
  json::Writer w{reply.body};
  w.begin_object().member("id", "video_" + frame.digits).member("object", "video");
  w.member("created_at", frame.created).key("completed_at");
  failed ? w.null() : w.integer(frame.created);
  w.member("expires_at", frame.created + day).member("status", failed ? "failed" : "completed");
  w.member("progress", std::int64_t{failed ? 0 : 100}).member("model", asked("model", "sora-2"));
  w.key("prompt").raw(body.find("prompt")->raw());
  w.member("seconds", asked("seconds", "4")).member("size", asked("size", "720x1280"));
  w.key("remixed_from_video_id").null().key("error");
  if (failed)
    w.begin_object().member("code", "server_error").member("message", "The video could not be made.").end_object();
  else
    w.null();
  w.end_object();
  return reply;
}

Endpoint media(std::string_view path)
{
  return {.path = path,
          .asked = "prompt",
          .model = Endpoint::Model::optional,
          .input_tokens = input_tokens,
          .output_cap = output_cap};
}

} // namespace

Endpoint images_endpoint()
{
  auto endpoint = media("/v1/images/generations");
  endpoint.fault_of = fault_of_image;
  endpoint.complete = image;
  return endpoint;
}

Endpoint image_edits_endpoint()
{
  auto endpoint = media("/v1/images/edits");
  endpoint.fault_of = fault_of_edit;
  endpoint.complete = image;
  return endpoint;
}

Endpoint videos_endpoint()
{
  auto endpoint = media("/v1/videos");
  endpoint.fault_of = fault_of_video;
  endpoint.complete = video;
  return endpoint;
}

} // namespace batchwright::emulator
