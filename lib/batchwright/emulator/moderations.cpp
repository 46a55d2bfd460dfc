#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/embeddings.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/identity.hpp>
#include <batchwright/emulator/moderations.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::emulator {
namespace {

/// A category, and whether images are judged by it too.
struct Category {
  std::string_view name;
  bool of_images;
};

constexpr std::array categories{Category{"harassment", false},
                                Category{"harassment/threatening", false},
                                Category{"hate", false},
                                Category{"hate/threatening", false},
                                Category{"illicit", false},
                                Category{"illicit/violent", false},
                                Category{"self-harm", true},
                                Category{"self-harm/instructions", true},
                                Category{"self-harm/intent", true},
                                Category{"sexual", true},
                                Category{"sexual/minors", false},
                                Category{"violence", true},
                                Category{"violence/graphic", true}};
constexpr std::string_view flagging = "violence";

bool has_part(const json::Value& input, std::string_view type)
{
  const auto parts = input.elements();
  return std::any_of(parts.begin(), parts.end(), [&](const json::Value& part) {
    const auto of = part.find("type");
    return of && of->text() == type;
  });
}

bool is_part(const json::Value& part)
{
  const auto type = part.find("type");
  if (!type) return false;
  if (type->text() == "text") return part.find("text") && part.find("text")->is(json::Kind::string);
  return type->text() == "image_url" && part.find("image_url", "url");
}

std::optional<ApiError> fault_of_moderation(const json::Value& body)
{
  const auto input = body.get("input");
  if (!input) return missing_parameter("input");
  if (input->is(json::Kind::string)) return std::nullopt;
  if (!input->is(json::Kind::array)) return wrong_type("input", "a string, an array of strings, or an array of parts");
  const auto elements = input->elements();
  if (elements.empty()) return empty_array("input");
  const auto is_text = [](const json::Value& one) { return one.is(json::Kind::string); };
  if (std::all_of(elements.begin(), elements.end(), is_text)) return std::nullopt;
  if (std::all_of(elements.begin(), elements.end(), is_part)) return std::nullopt;
  return invalid_input();
}

std::int64_t input_tokens(const json::Value& body)
{
  const auto input = body.get("input");
  return input ? token_count(input->raw()) : 1;
}

std::int64_t output_cap(const json::Value&)
{
  return no_cap;
}

void write_applied(json::Writer& w, const json::Value& input, bool of_images)
{
  const bool text = input.is(json::Kind::string) || has_part(input, "text");
  const bool image = of_images && has_part(input, "image_url");
  w.begin_array();
  if (text) w.string("text");
  if (image) w.string("image");
  w.end_array();
}

void write_result(json::Writer& w, const json::Value& input)
{
  const auto text = input_text(input);
  const bool flagged = is_flagged(text);
  w.begin_object().flag("flagged", flagged).key("categories").begin_object();
  for (const auto& category : categories)
    w.flag(category.name, flagged && category.name == flagging);
  w.end_object().key("category_scores").begin_object();
  for (std::size_t i = 0; i < categories.size(); ++i) {
    const auto low = static_cast<double>(mixed(fnv1a(text) + i) % 1000) / 1e6;
    w.key(categories[i].name).raw(fmt::format("{}", flagged && categories[i].name == flagging ? 0.9 : low));
  }
  w.end_object().key("category_applied_input_types").begin_object();
  for (const auto& category : categories) {
    w.key(category.name);
    write_applied(w, input, category.of_images);
  }
  w.end_object().end_object();
}

ModelReply completed(const json::Value& body, Fate, const Frame& frame)
{
  const auto model = body.get("model");
  ModelReply reply;
  json::Writer w{reply.body};
  w.begin_object().member("id", "modr-" + frame.digits);
  w.member("model", model ? *model->text() : "omni-moderation-latest").key("results").begin_array();
  for (const auto& input : inputs_of(moderations_endpoint(), body))
    write_result(w, input);
  w.end_array().end_object();
  return reply;
}

} // namespace

bool is_flagged(std::string_view text)
{
  return fnv1a(text) % 5 == 0;
}

Endpoint moderations_endpoint()
{
  return {.path = "/v1/moderations",
          .asked = "input",
          .holds = Endpoint::Holds::many,
          .model = Endpoint::Model::optional,
          .fault_of = fault_of_moderation,
          .input_tokens = input_tokens,
          .output_cap = output_cap,
          .complete = completed};
}

} // namespace batchwright::emulator
