#include <batchwright/requests/ready_made.hpp>
#include <batchwright/wire/batch_content.hpp>
#include <batchwright/wire/endpoint.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::requests {
namespace {

constexpr std::string_view missing_code = "missing_required_parameter";
constexpr std::string_view invalid_code = "invalid_request";

class LineCheck {
public:
  explicit LineCheck(const json::Value& line) : m_line(line) {}

  ReadyMade run()
  {
    if (!m_line.is(json::Kind::object)) {
      problem("invalid_json_line", "the line is no JSON object", m_line);
      return std::move(m_found);
    }
    look_at_id();
    look_at_method();
    look_at_url();
    look_at_body();
    return std::move(m_found);
  }

private:
  void problem(std::string_view code, std::string message, const json::Value& where)
  {
    const auto byte = static_cast<std::uint64_t>(where.raw().data() - m_line.raw().data());
    m_found.problems.push_back({std::string{code}, std::move(message), byte});
  }

  /// A member that must be a string, not an empty one; nothing, and told, where it is none.
  std::optional<json::Value> string_in(const json::Value& object, std::string_view key, std::string_view shown)
  {
    const auto value = object.get(key);
    if (!value) {
      problem(missing_code, fmt::format("`{}` is missing", shown), object);
    } else if (!value->is(json::Kind::string) || value->token().empty()) {
      problem(invalid_code, fmt::format("`{}` must be a string that is not empty", shown), *value);
    } else {
      return value;
    }
    return std::nullopt;
  }

  void look_at_id()
  {
    const auto id = string_in(m_line, "custom_id", "custom_id");
    if (!id) return;
    m_found.id_token = id->token();
    m_found.custom_id = id->text();
    if (!m_found.custom_id) problem(invalid_code, "`custom_id` holds half a surrogate pair", *id);
  }

  void look_at_method()
  {
    const auto method = m_line.get("method");
    if (!method) return problem(missing_code, "`method` is missing: only POST is supported", m_line);
    if (method->text() != "POST") problem("invalid_method", "`method` must be \"POST\", in capitals", *method);
  }

  void look_at_url()
  {
    const auto url = string_in(m_line, "url", "url");
    if (!url) return;
    auto text = url->text();
    if (text && wire::batch_content(*text)) {
      m_found.url = std::move(text);
      return;
    }
    std::string known;
    for (const auto& endpoint : wire::batch_contents)
      known += fmt::format("{}{}", known.empty() ? "" : ", ", endpoint.path);
    problem("invalid_url", fmt::format("no batch can call the `url` {}; those known: {}", shown(*url), known), *url);
  }

  void look_at_body()
  {
    const auto body = m_line.get("body");
    if (!body) return problem(missing_code, "`body` is missing", m_line);
    if (!body->is(json::Kind::object)) return problem(invalid_code, "`body` must be an object", *body);
    if (const auto model = string_in(*body, "model", "body.model")) {
      m_found.model = model->text();
      if (!m_found.model) problem(invalid_code, "`body.model` holds half a surrogate pair", *model);
    }
    const auto stream = body->find("stream");
    if (stream && stream->boolean() == true)
      problem(invalid_code, "a batch cannot stream: leave `body.stream` out", *stream);
    if (m_found.url) look_at_content(*body, *wire::batch_content(*m_found.url));
  }

  void look_at_content(const json::Value& body, const wire::BatchContent& endpoint)
  {
    const auto content = body.get(endpoint.member);
    if (!content) {
      if (!has_content_elsewhere(body, endpoint))
        problem(missing_code, fmt::format("`body.{}` is missing, which {} needs", endpoint.member, endpoint.path),
                body);
      return;
    }
    const bool list = content->is(json::Kind::array) && content->front();
    const bool text = content->is(json::Kind::string) && !content->token().empty();
    if (endpoint.holds == wire::Holds::list && !list) {
      problem(invalid_code, fmt::format("`body.{}` must be a list that is not empty", endpoint.member), *content);
    } else if (endpoint.holds == wire::Holds::text_or_list && !list && !text) {
      problem(invalid_code, fmt::format("`body.{}` must be a text or a list, and not empty", endpoint.member),
              *content);
    } else if (const auto* known = wire::find_endpoint(endpoint.path); known && known->inputs_per_file > 0) {
      count_inputs(*content, known->most_inputs_per_request);
    }
  }

  /// What the Responses API takes in place of `input`.
  static bool has_content_elsewhere(const json::Value& body, const wire::BatchContent& endpoint)
  {
    if (endpoint.path != "/v1/responses") return false;
    constexpr std::string_view others[] = {"prompt", "previous_response_id", "conversation"};
    return std::any_of(std::begin(others), std::end(others), [&](auto key) { return body.get(key).has_value(); });
  }

  /// A list of numbers is one input: the ids of its tokens.
  void count_inputs(const json::Value& input, std::uint64_t most)
  {
    const auto first = input.front();
    const bool several = first && !first->is(json::Kind::number);
    const auto all = several ? input.elements() : std::vector<json::Value>{};
    m_found.embedding_inputs = several ? all.size() : 1;
    if (all.size() > most) {
      problem(invalid_code, fmt::format("`body.input` has {} inputs; a request may have {}", all.size(), most), input);
    }
    const auto empty = std::find_if(all.begin(), all.end(),
                                    [](const auto& one) { return one.is(json::Kind::string) && one.token().empty(); });
    if (empty != all.end()) problem(invalid_code, "`body.input` holds an empty text", *empty);
  }

  static std::string shown(const json::Value& string)
  {
    constexpr std::size_t longest = 200;
    const auto token = string.token();
    return token.size() <= longest ? fmt::format("\"{}\"", token) : "there, which is long";
  }

  json::Value m_line;
  ReadyMade m_found = {};
};

} // namespace

ReadyMade check_request(const json::Value& line)
{
  return LineCheck{line}.run();
}

} // namespace batchwright::requests
