#include <batchwright/emulator/model_reply.hpp>
#include <batchwright/emulator/schema.hpp>
#include <batchwright/emulator/strict_schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace batchwright::emulator {
namespace {

bool strict(const json::Value& format)
{
  const auto asked = format.get("strict");
  return asked && asked->boolean() == true;
}

std::string name_in(const json::Value& format)
{
  const auto name = format.get("name");
  return name ? name->text().value_or("") : std::string{};
}

std::string fault_in_strict_mode(const json::Value& schema)
{
  auto fault = strict_fault(schema);
  return fault.empty() ? schema_fault(schema) : fault;
}

} // namespace

ModelReply refused(const ApiError& error)
{
  return {.status = error.status, .body = error.body()};
}

bool model_exists(std::string_view model)
{
  return !model.starts_with("no-such-");
}

bool reasons(std::string_view model)
{
  constexpr std::array families{"gpt-5", "gpt-6", "o1", "o3", "o4"};
  return std::any_of(families.begin(), families.end(), [&](std::string_view f) { return model.starts_with(f); });
}

std::int64_t cap_in(const json::Value& body, std::string_view key, std::int64_t otherwise)
{
  const auto cap = body.get(key);
  return cap ? cap->integer().value_or(0) : otherwise;
}

ApiError wrong_type(const std::string& parameter, std::string_view expected)
{
  return {.message = fmt::format("Invalid type for '{}': expected {}.", parameter, expected),
          .words = {.param = parameter, .code = "invalid_type"}};
}

ApiError wrong_value(const std::string& parameter, std::string_view value, std::string_view supported)
{
  return {.message = fmt::format("Invalid value: '{}'. Supported values are: {}.", value, supported),
          .words = {.param = parameter, .code = "invalid_value"}};
}

ApiError empty_array(const std::string& parameter)
{
  return {.message = fmt::format("Invalid '{}': empty array. Expected an array with minimum length 1, but got an empty "
                                 "array instead.",
                                 parameter),
          .words = {.param = parameter, .code = "empty_array"}};
}

std::optional<ApiError> fault_of_number(const json::Value& body, const std::string& key, std::int64_t least,
                                        std::int64_t most)
{
  const auto value = body.get(key);
  if (!value) return std::nullopt;
  const auto n = value->integer();
  if (!n) return wrong_type(key, "an integer");
  if (*n >= least && *n <= most) return std::nullopt;
  const bool small = *n < least;
  return ApiError{.message =
                      fmt::format("Invalid '{}': integer {} {} value. Expected a value {} {}, but got {} instead.", key,
                                  small ? "below" : "above", small ? "minimum" : "maximum",
                                  small ? ">=" : "<=", small ? least : most, *n),
                  .words = {.param = key, .code = small ? "integer_below_min_value" : "integer_above_max_value"}};
}

std::optional<ApiError> fault_of_text(const json::Value& body, const std::string& key)
{
  const auto value = body.get(key);
  if (!value) return missing_parameter(key);
  if (!value->is(json::Kind::string)) return wrong_type(key, "a string");
  if (!value->token().empty()) return std::nullopt;
  return ApiError{.message = fmt::format("Invalid '{}': empty string. Expected a string with minimum length 1, but got "
                                         "an empty string instead.",
                                         key),
                  .words = {.param = key, .code = "empty_string"}};
}

std::optional<ApiError> fault_of_schema(const json::Value& format, const std::string& parameter)
{
  const auto schema = format.get("schema");
  const auto fault = schema && strict(format) ? fault_in_strict_mode(*schema) : "";
  if (fault.empty()) return std::nullopt;
  return ApiError{.message = fmt::format("Invalid schema for response_format '{}': {}.", name_in(format), fault),
                  .words = {.param = parameter, .code = "invalid_json_schema"}};
}

std::optional<ApiError> fault_of_function(const json::Value& function, const std::string& parameter)
{
  const auto schema = function.get("parameters");
  if (!schema) return std::nullopt;
  const auto fault = strict(function) ? fault_in_strict_mode(*schema) : root_fault(*schema);
  if (fault.empty()) return std::nullopt;
  return ApiError{.message = fmt::format("Invalid schema for function '{}': {}.", name_in(function), fault),
                  .words = {.param = parameter, .code = "invalid_function_parameters"}};
}

} // namespace batchwright::emulator
