#include <batchwright/emulator/model_reply.hpp>
#include <batchwright/emulator/schema.hpp>
#include <batchwright/emulator/tool_calls.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace batchwright::emulator {
namespace {

constexpr std::size_t longest_name = 64;

/// The function that a tool, or a choice of one, is about; nothing where it is about another kind of tool.
std::optional<json::Value> function_in(const json::Value& tool, ToolForm form)
{
  const auto type = tool.find("type");
  if (!type || type->text() != "function") return std::nullopt;
  return form == ToolForm::nested ? tool.get("function") : std::optional{tool};
}

std::optional<std::string> name_of(const json::Value& function)
{
  const auto name = function.get("name");
  return name ? name->text() : std::nullopt;
}

std::vector<json::Value> functions_in(const json::Value& body, ToolForm form)
{
  std::vector<json::Value> functions;
  const auto tools = body.get("tools");
  if (!tools) return functions;
  for (const auto& tool : tools->elements())
    if (const auto function = function_in(tool, form)) functions.push_back(*function);
  return functions;
}

std::optional<json::Value> function_named(const std::vector<json::Value>& functions, const std::string& name)
{
  const auto found =
      std::find_if(functions.begin(), functions.end(), [&](const json::Value& f) { return name_of(f) == name; });
  return found == functions.end() ? std::nullopt : std::optional{*found};
}

std::optional<ApiError> fault_of_name(const json::Value& function, const std::string& parameter)
{
  const auto name = name_of(function);
  if (!name) return missing_parameter(parameter);
  const bool sound = !name->empty() && name->size() <= longest_name &&
                     std::all_of(name->begin(), name->end(),
                                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
  if (sound) return std::nullopt;
  return ApiError{.message = fmt::format("Invalid '{}': string does not match pattern. Expected a string that matches "
                                         "the pattern '^[a-zA-Z0-9_-]+$'.",
                                         parameter),
                  .words = {.param = parameter, .code = "invalid_value"}};
}

std::optional<ApiError> fault_of_tool(const json::Value& tool, ToolForm form, const std::string& place)
{
  if (!tool.is(json::Kind::object)) return wrong_type(place, "an object");
  const auto type = tool.get("type");
  if (!type) return missing_parameter(place + ".type");
  if (type->text() != "function") return std::nullopt;
  const auto function = function_in(tool, form);
  const auto inside = form == ToolForm::nested ? place + ".function" : place;
  if (!function) return missing_parameter(inside);
  if (auto fault = fault_of_name(*function, inside + ".name")) return fault;
  return fault_of_function(*function, inside + ".parameters");
}

std::optional<ApiError> fault_of_choice(const json::Value& choice, const json::Value& body, ToolForm form)
{
  if (!body.get("tools")) {
    return ApiError{.message =
                        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
                    .words = {.param = "tool_choice"}};
  }
  if (choice.is(json::Kind::string)) {
    const auto word = choice.text().value_or("");
    if (word == "none" || word == "auto" || word == "required") return std::nullopt;
    return wrong_value("tool_choice", word, "'none', 'auto', and 'required'");
  }
  if (!choice.is(json::Kind::object)) return wrong_type("tool_choice", "a string or an object");
  const auto function = function_in(choice, form);
  if (!function) {
    const auto type = choice.find("type");
    return wrong_value("tool_choice.type", type ? type->text().value_or("") : "", "'function'");
  }
  const auto name = name_of(*function);
  if (!name) return missing_parameter(form == ToolForm::nested ? "tool_choice.function.name" : "tool_choice.name");
  if (function_named(functions_in(body, form), *name)) return std::nullopt;
  return ApiError{.message = fmt::format("Tool choice '{}' not found in 'tools' parameter.", *name),
                  .words = {.param = "tool_choice"}};
}

std::string arguments_of(const json::Value& function, std::uint64_t hash)
{
  const auto parameters = function.get("parameters");
  return parameters && schema_fault(*parameters).empty() ? instance_of(*parameters, hash) : "{}";
}

} // namespace

std::optional<ApiError> fault_of_tools(const json::Value& body, ToolForm form)
{
  const auto tools = body.get("tools");
  if (tools && !tools->is(json::Kind::array)) return wrong_type("tools", "an array of objects");
  if (tools && form == ToolForm::nested && !tools->front()) return empty_array("tools");
  std::size_t n = 0;
  if (tools)
    for (const auto& tool : tools->elements())
      if (auto fault = fault_of_tool(tool, form, fmt::format("tools[{}]", n++))) return fault;
  const auto choice = body.get("tool_choice");
  return choice ? fault_of_choice(*choice, body, form) : std::nullopt;
}

std::optional<ToolCall> tool_call_in(const json::Value& body, ToolForm form, std::uint64_t hash, Fate fate)
{
  const auto functions = functions_in(body, form);
  if (functions.empty()) return std::nullopt;
  const auto choice = body.get("tool_choice");
  const auto named = choice ? function_in(*choice, form) : std::nullopt;
  const auto word = choice ? choice->text().value_or("") : "auto";
  if (!named && word != "required" && !(word == "auto" && fate == Fate::tool_call)) return std::nullopt;
  const auto function = named ? *function_named(functions, *name_of(*named)) : functions[hash % functions.size()];
  return ToolCall{.name = *name_of(function), .arguments = arguments_of(function, hash), .named = named.has_value()};
}

} // namespace batchwright::emulator
