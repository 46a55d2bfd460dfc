// What an endpoint of models answers to one request, and the refusals that several of them share. In: values of a
// request's body. Out: replies and errors in the API's words. Never: knows one endpoint from another.
#pragma once

#include <batchwright/emulator/prompt_cache.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::emulator {

struct Usage {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t reasoning_tokens = 0; ///< part of `output_tokens`
  CacheUse cache = {};               ///< parts of `input_tokens`

  Usage& operator+=(const Usage& other)
  {
    input_tokens += other.input_tokens;
    output_tokens += other.output_tokens;
    reasoning_tokens += other.reasoning_tokens;
    cache.read += other.cache.read;
    cache.written += other.cache.written;
    return *this;
  }
};

struct ModelReply {
  int status = 200;
  std::string body = {};
  Usage usage = {}; ///< zero unless the status is 200

  bool billed() const { return status == 200; }
};

ModelReply refused(const ApiError& error);

/// What an answer carries that does not follow from the body.
struct Frame {
  std::string digits = {};  ///< of its ids, behind a prefix that the endpoint knows
  std::int64_t created = 0; ///< Unix seconds
  std::string service_tier = "default";
  PromptCache* cache = nullptr; ///< that prompts are looked up and remembered in; null: none

  CacheUse use_cache(const json::Value& body, std::string_view prompt) const
  {
    return cache ? cache->use(body, prompt) : CacheUse{};
  }
};

inline constexpr std::int64_t no_cap = std::numeric_limits<std::int64_t>::max();

/// Every model exists but those whose names begin with "no-such-".
bool model_exists(std::string_view model);

/// Reasoning models refuse `max_tokens`, and think before they speak in responses.
bool reasons(std::string_view model);

/// The cap on output tokens that a body gives under `key`; `otherwise` where it gives none.
std::int64_t cap_in(const json::Value& body, std::string_view key, std::int64_t otherwise = no_cap);

ApiError wrong_type(const std::string& parameter, std::string_view expected);
ApiError wrong_value(const std::string& parameter, std::string_view value, std::string_view supported);
ApiError empty_array(const std::string& parameter);

/// Why the whole number under `key` is none from `least` to `most`; nothing where it is, or where there is no such key.
std::optional<ApiError> fault_of_number(const json::Value& body, const std::string& key, std::int64_t least = 1,
                                        std::int64_t most = no_cap);
/// Why the text under `key` is none, or empty, or missing.
std::optional<ApiError> fault_of_text(const json::Value& body, const std::string& key);
/// Why the API does not take the `schema` of a format: where its `strict` is true, for what strict mode asks
/// (strict_schema.hpp), or since no document can be made of it. `parameter` says where it stood.
std::optional<ApiError> fault_of_schema(const json::Value& format, const std::string& parameter);
/// The same of the `parameters` of a function, whose root must be an object whether it is strict or not.
std::optional<ApiError> fault_of_function(const json::Value& function, const std::string& parameter);

} // namespace batchwright::emulator
