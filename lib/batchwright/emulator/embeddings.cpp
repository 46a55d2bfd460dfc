#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/embeddings.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/identity.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

namespace batchwright::emulator {
namespace {

constexpr std::int64_t longest_input = 8192;
constexpr std::int64_t most_tokens = 300'000;

bool is_token_list(const json::Value& input)
{
  const auto ids = input.elements();
  return !ids.empty() && std::all_of(ids.begin(), ids.end(), [](const json::Value& id) { return id.integer(); });
}

std::int64_t tokens_of(const json::Value& input)
{
  if (input.is(json::Kind::array)) return static_cast<std::int64_t>(input.elements().size());
  return token_count(input_text(input));
}

ApiError too_many_inputs(std::size_t count)
{
  return {.message =
              fmt::format("Invalid 'input': array too long. Expected an array with maximum length {}, but got an "
                          "array with length {} instead.",
                          most_inputs, count),
          .words = {.param = "input", .code = "array_above_max_length"}};
}

ApiError too_long(std::int64_t tokens)
{
  return {.message = fmt::format("This model's maximum context length is {0} tokens, however you requested {1} tokens "
                                 "({1} in your prompt; 0 for the completion). Please reduce your prompt; or completion "
                                 "length.",
                                 longest_input, tokens),
          .words = {.code = "context_length_exceeded"}};
}

ApiError too_much(std::int64_t tokens)
{
  return {.message = fmt::format("Requested {} tokens, max {} tokens per request", tokens, most_tokens),
          .words = {.type = "max_tokens_per_request", .code = "max_tokens_per_request"}};
}

std::optional<ApiError> fault_of_inputs(const json::Value& body)
{
  const auto input = body.get("input");
  if (!input) return missing_parameter("input");
  if (input->is(json::Kind::array) && !input->front()) return invalid_input();
  const auto inputs = inputs_of(embeddings_endpoint(), body);
  if (static_cast<std::int64_t>(inputs.size()) > most_inputs) return too_many_inputs(inputs.size());
  std::int64_t sum = 0;
  for (const auto& one : inputs) {
    const bool text = one.is(json::Kind::string) && !one.token().empty();
    if (!text && !is_token_list(one)) return invalid_input();
    const auto tokens = tokens_of(one);
    if (tokens > longest_input) return too_long(tokens);
    sum += tokens;
  }
  return sum > most_tokens ? std::optional{too_much(sum)} : std::nullopt;
}

std::optional<ApiError> fault_of_dimensions(const json::Value& body)
{
  const auto model = *body.find("model")->text();
  if (!body.get("dimensions")) return std::nullopt;
  if (model == "text-embedding-ada-002")
    return ApiError{.message = "This model does not support specifying dimensions."};
  return fault_of_number(body, "dimensions", 1, static_cast<std::int64_t>(own_dimensions(model)));
}

std::optional<ApiError> fault_of_embedding(const json::Value& body)
{
  if (auto fault = fault_of_inputs(body)) return fault;
  if (auto fault = fault_of_dimensions(body)) return fault;
  const auto format = body.get("encoding_format");
  if (!format || format->text() == "float" || format->text() == "base64") return std::nullopt;
  return wrong_value("encoding_format", format->text().value_or(std::string{format->raw()}), "'float' and 'base64'");
}

std::int64_t input_tokens(const json::Value& body)
{
  std::int64_t sum = 0;
  for (const auto& input : inputs_of(embeddings_endpoint(), body))
    sum += tokens_of(input);
  return sum;
}

std::int64_t output_cap(const json::Value&)
{
  return no_cap;
}

std::string little_endian(const std::vector<float>& vector)
{
  std::string bytes;
  bytes.reserve(vector.size() * 4);
  for (const float component : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(component);
    for (int shift = 0; shift < 32; shift += 8)
      bytes += static_cast<char>((bits >> shift) & 0xFFU);
  }
  return bytes;
}

std::string base64(std::string_view bytes)
{
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i)
      three = three << 8U | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text += at + i <= bytes.size() ? digits[three >> (18 - 6 * i) & 63U] : '=';
  }
  return text;
}

void write_vector(json::Writer& w, const std::vector<float>& vector, bool packed)
{
  w.key("embedding");
  if (packed) {
    w.string(base64(little_endian(vector)));
    return;
  }
  std::string list = "[";
  for (const float component : vector)
    fmt::format_to(std::back_inserter(list), "{},", component);
  list.back() = ']';
  w.raw(list);
}

ModelReply completed(const json::Value& body, Fate, const Frame&)
{
  const auto model = *body.find("model")->text();
  const auto dimensions =
      static_cast<std::size_t>(cap_in(body, "dimensions", static_cast<std::int64_t>(own_dimensions(model))));
  const auto format = body.get("encoding_format");
  const bool packed = format && format->text() == "base64";
  ModelReply reply{.usage = {.input_tokens = input_tokens(body)}};
  json::Writer w{reply.body};
  w.begin_object().member("object", "list").key("data").begin_array();
  std::int64_t index = 0;
  for (const auto& input : inputs_of(embeddings_endpoint(), body)) {
    w.begin_object().member("object", "embedding").member("index", index++);
    write_vector(w, embedding_of(input_text(input), dimensions), packed);
    w.end_object();
  }
  w.end_array().member("model", model).key("usage").begin_object();
  w.member("prompt_tokens", reply.usage.input_tokens).member("total_tokens", reply.usage.input_tokens);
  w.end_object().end_object();
  return reply;
}

} // namespace

std::vector<float> embedding_of(std::string_view text, std::size_t dimensions)
{
  constexpr double unit = 1.0 / 4503599627370496.0; // 2^-52
  std::vector<double> drawn(dimensions);
  std::uint64_t x = fnv1a(text);
  double squares = 0;
  for (auto& component : drawn) {
    x = mixed(x);
    component = static_cast<double>(x >> 11) * unit - 1;
    squares += component * component;
  }
  std::vector<float> vector(dimensions);
  const auto length = std::sqrt(squares);
  std::transform(drawn.begin(), drawn.end(), vector.begin(),
                 [&](double component) { return static_cast<float>(component / length); });
  return vector;
}

std::size_t own_dimensions(std::string_view model)
{
  return model.ends_with("-large") ? 3072 : 1536;
}

ApiError invalid_input()
{
  return {.message = "'$.input' is invalid. Please check the API reference: "
                     "https://platform.openai.com/docs/api-reference."};
}

Endpoint embeddings_endpoint()
{
  return {.path = "/v1/embeddings",
          .asked = "input",
          .holds = Endpoint::Holds::many,
          .fault_of = fault_of_embedding,
          .input_tokens = input_tokens,
          .output_cap = output_cap,
          .complete = completed};
}

} // namespace batchwright::emulator
