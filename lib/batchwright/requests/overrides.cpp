#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/requests/overrides.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace batchwright::requests {
namespace {

void drop_bounds(RequestSpec& spec)
{
  spec.max_output_tokens.reset();
  std::erase_if(spec.set, [](const auto& field) { return wire::bounds_output(field.first); });
}

/// A body template that names another model.
void name_model(std::string& body, const std::string& model)
{
  json::Document document;
  if (body.empty() || !document.parse(body)) return;
  const auto named = document.root().find("model");
  if (!named) return;
  std::string quoted;
  json::append_string(quoted, model);
  const auto at = static_cast<std::size_t>(named->raw().data() - body.data());
  body.replace(at, named->raw().size(), quoted);
}

void put(RequestSpec& spec, const std::string& name, std::string value)
{
  const auto same = std::find_if(spec.set.begin(), spec.set.end(), [&](const auto& f) { return f.first == name; });
  if (same == spec.set.end()) {
    spec.set.emplace_back(name, std::move(value));
  } else {
    same->second = std::move(value);
  }
}

} // namespace

RequestSpec spec_of(const Job& job, const Part& part)
{
  auto spec = job.request;
  if (is_ready_made(job)) return spec;
  if (!part.model.empty() && part.model != spec.model) {
    spec.model = part.model;
    name_model(spec.body, part.model);
  }
  json::Document document;
  std::vector<json::Member> fields;
  if (!part.set.empty()) {
    ensure(document.parse(part.set), "the body fields of a part are a JSON object");
    fields = document.root().members();
  }
  const auto is_bound = [](const json::Member& field) { return wire::bounds_output(field.key.text().value_or("")); };
  if (part.max_output_tokens || std::any_of(fields.begin(), fields.end(), is_bound)) drop_bounds(spec);
  if (part.max_output_tokens) spec.max_output_tokens = part.max_output_tokens;
  for (const auto& [key, value] : fields)
    put(spec, key.text().value_or(""), std::string{value.raw()});
  return spec;
}

std::string joined_fields(const std::vector<std::pair<std::string, std::string>>& set)
{
  if (set.empty()) return {};
  std::string text;
  json::Writer object{text};
  object.begin_object();
  json::Document document;
  std::set<std::string_view> seen;
  for (const auto& [name, value] : set) {
    if (!seen.insert(name).second) {
      throw Error{Fault::usage, fmt::format("--set {}: the field is set twice", name), "give each field once"};
    }
    if (!document.parse(value)) {
      throw Error{
          Fault::usage,
          fmt::format("reading --set {}: not JSON at byte {}: {}", name, document.fault().byte, document.fault().what),
          fmt::format("a text needs its quotes: --set '{}=\"text\"'", name)};
    }
    object.key(name).raw(document.root().raw());
  }
  object.end_object();
  return text;
}

} // namespace batchwright::requests
