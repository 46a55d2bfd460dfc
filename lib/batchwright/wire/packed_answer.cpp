// Bodies with an element for each input: embeddings (`data`, each with its index) and moderations (`results`, in the
// order of the inputs). One answer speaks for all inputs of its request.

#include <batchwright/wire/answer_body.hpp>
#include <batchwright/wire/endpoint.hpp>
#include <batchwright/wire/vector.hpp>

#include <algorithm>

namespace batchwright::wire {
namespace {

bool is_embeddings(std::string_view endpoint)
{
  return endpoint == "/v1/embeddings";
}

std::string_view list_key(std::string_view endpoint)
{
  return is_embeddings(endpoint) ? "data" : "results";
}

std::vector<json::Value> elements_of(const json::Value& body, std::string_view endpoint)
{
  const auto list = body.get(list_key(endpoint));
  return list ? list->elements() : std::vector<json::Value>{};
}

/// What an element says: the vector, or the whole result.
std::string_view saying(const json::Value& element, std::string_view endpoint)
{
  if (!element.is(json::Kind::object)) return {};
  if (!is_embeddings(endpoint)) return element.raw();
  const auto vector = element.get("embedding");
  return vector && is_vector(vector->raw()) ? vector->raw() : std::string_view{};
}

/// Reads what all elements say; false where one says nothing of use.
bool take_sayings(Answer& answer, const std::vector<json::Value>& elements, std::string_view endpoint)
{
  std::vector<std::string_view> sayings;
  for (const auto& element : elements)
    sayings.push_back(saying(element, endpoint));
  if (std::any_of(sayings.begin(), sayings.end(), [](auto s) { return s.empty(); })) return false;
  answer.text = sayings.front();
  if (sayings.size() == 1) return true;
  answer.is_several = true;
  json::Writer all{answer.texts};
  all.begin_array();
  for (const auto s : sayings)
    all.raw(s);
  all.end_array();
  return true;
}

void read_elements(Answer& answer, const json::Value& body, std::string_view endpoint)
{
  answer.model = token_in(body, "model");
  answer.tier = token_in(body, "service_tier");
  answer.judgement = Judgement::success;
  const auto elements = elements_of(body, endpoint);
  if (elements.empty()) return fail_unreadable(answer, "the answer has no result");
  // An answer for one input must be of use; which of several are is told by `packed_elements`.
  if (!take_sayings(answer, elements, endpoint) && elements.size() == 1)
    fail_unreadable(answer, "the answer's result cannot be read");
}

} // namespace

void read_embeddings_body(Answer& answer, const json::Value& body)
{
  answer.is_vector = true;
  answer.usage = usage_in(body, chat_usage);
  read_elements(answer, body, "/v1/embeddings");
}

void read_moderations_body(Answer& answer, const json::Value& body)
{
  read_elements(answer, body, "/v1/moderations");
}

std::vector<std::string_view> packed_elements(const json::Value& line, std::string_view endpoint, std::size_t inputs)
{
  std::vector<std::string_view> found(inputs);
  const auto body = line.find("response", "body");
  if (!body) return found;
  std::size_t position = 0;
  for (const auto& element : elements_of(*body, endpoint)) {
    const auto index = is_embeddings(endpoint) ? element.find("index") : std::nullopt;
    const auto at = index && index->integer() ? *index->integer() : static_cast<std::int64_t>(position);
    ++position;
    if (at < 0 || static_cast<std::size_t>(at) >= inputs || saying(element, endpoint).empty()) continue;
    if (found[static_cast<std::size_t>(at)].empty()) found[static_cast<std::size_t>(at)] = element.raw();
  }
  return found;
}

std::string element_line(const json::Value& line, std::string_view endpoint, std::string_view custom_id,
                         std::string_view element, const Usage& share)
{
  std::string text;
  text.reserve(element.size() + 512);
  json::Writer w{text};
  const auto copy = [&w](const json::Value& object, std::string_view key) {
    if (const auto value = object.find(key)) w.key(key).raw(value->raw());
  };
  const auto response = line.find("response");
  const auto body = line.find("response", "body");
  w.begin_object();
  copy(line, "id");
  w.member("custom_id", custom_id).key("response").begin_object();
  if (response) copy(*response, "status_code");
  if (response) copy(*response, "request_id");
  w.key("body").begin_object();
  for (const auto key : {"id", "object", "model"})
    if (body) copy(*body, key);
  w.key(list_key(endpoint)).begin_array().raw(element).end_array();
  if (body && body->get("usage")) {
    w.key("usage")
        .begin_object()
        .member("prompt_tokens", share.input.n)
        .member("total_tokens", share.input.n)
        .end_object();
  }
  w.end_object().end_object().key("error").null().end_object();
  return text;
}

} // namespace batchwright::wire
