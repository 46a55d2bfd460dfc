#include <batchwright/base/files.hpp>
#include <batchwright/emulator/capped_lines.hpp>
#include <batchwright/emulator/embeddings.hpp>
#include <batchwright/emulator/identity.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/emulator/validation.hpp>

#include <fmt/format.h>

#include <functional>
#include <unordered_set>

namespace batchwright::emulator {
namespace {

constexpr std::size_t most_errors = 100;

class Check {
public:
  explicit Check(const Endpoint& endpoint) : m_endpoint(endpoint) {}

  void line(const CappedLines::Line& line)
  {
    ++m_number;
    if (m_number > most_requests) return;
    m_checked.lines.push_back(
        {.offset = static_cast<std::uint32_t>(line.offset), .length = static_cast<std::uint32_t>(line.length)});
    if (auto error = line.too_long ? too_long() : fault_of(line.text)) {
      error->line = m_number;
      add(std::move(*error));
    }
  }

  /// What is said of a file beyond the limit, which names the model of its first request.
  static Checked too_large(std::string_view first)
  {
    json::Document document;
    const auto model = document.parse(first) ? document.root().find("body", "model") : std::nullopt;
    return {.errors = {{.code = "file_too_large",
                        .message = fmt::format("The batch input file is larger than the {} maximum for the {} model",
                                               most_bytes, model ? model->text().value_or("") : "")}}};
  }

  Checked finish()
  {
    if (m_number == 0) {
      add({.code = "empty_file",
           .message = "The input file is empty. Please ensure that the batch contains at least one request."});
    }
    if (m_number > most_requests) {
      add({.code = "too_many_tasks",
           .message = fmt::format("The batch input file contains {} requests, more than the maximum of {}.", m_number,
                                  most_requests)});
    }
    if (m_endpoint.path == "/v1/embeddings" && m_inputs > most_batch_inputs) {
      add({.code = "too_many_tasks",
           .message = fmt::format("The batch input file contains {} embedding inputs, more than the maximum of {}.",
                                  m_inputs, most_batch_inputs)});
    }
    return std::move(m_checked);
  }

private:
  void add(BatchError error)
  {
    if (m_checked.errors.size() < most_errors) m_checked.errors.push_back(std::move(error));
  }

  static std::optional<BatchError> too_long()
  {
    return BatchError{.code = "invalid_request",
                      .message = fmt::format("This line is longer than the maximum of {} bytes.", longest_line)};
  }

  static BatchError missing(const std::string& parameter)
  {
    const auto error = missing_parameter(parameter);
    return {.code = error.words.code, .message = error.message, .param = error.words.param};
  }

  std::optional<BatchError> fault_of(std::string_view text)
  {
    if (!m_document.parse(text) || !m_document.root().is(json::Kind::object))
      return BatchError{.code = "invalid_json_line", .message = "This line is not parseable as valid JSON."};
    const auto root = m_document.root();
    const auto custom_id = root.get("custom_id");
    if (!custom_id) return missing("custom_id");
    if (!custom_id->is(json::Kind::string)) {
      return BatchError{.code = "invalid_request",
                        .message = "Invalid type for 'custom_id': expected a string.",
                        .param = "custom_id"};
    }
    if (!m_ids.insert(std::hash<std::string>{}(id_text(*custom_id))).second) {
      return BatchError{.code = "duplicate_custom_id",
                        .message = fmt::format("The custom_id '{}' for this request is a duplicate of another request. "
                                               "The custom_id parameter must be unique for each request in a batch.",
                                               json::decode_lossy(custom_id->token())),
                        .param = "custom_id"};
    }
    if (auto error = fault_of_call(root)) return error;
    return fault_of_body(root);
  }

  std::optional<BatchError> fault_of_call(const json::Value& root) const
  {
    const auto method = root.get("method");
    if (!method) return missing("method");
    if (method->text() != "POST") {
      return BatchError{
          .code = "invalid_method", .message = "Invalid method: only 'POST' is supported.", .param = "method"};
    }
    const auto url = root.get("url");
    if (!url) return missing("url");
    if (url->text() != m_endpoint.path) {
      return BatchError{.code = "url_mismatch",
                        .message = fmt::format("The URL provided for this request does not match the batch endpoint "
                                               "'{}'.",
                                               m_endpoint.path),
                        .param = "url"};
    }
    return std::nullopt;
  }

  std::optional<BatchError> fault_of_body(const json::Value& root)
  {
    const auto body = root.get("body");
    if (!body) return missing("body");
    if (!body->is(json::Kind::object)) {
      return BatchError{
          .code = "invalid_request", .message = "Invalid type for 'body': expected an object.", .param = "body"};
    }
    const auto model = body->get("model");
    const auto name = model ? model->text() : std::nullopt;
    if (!name) return missing("body.model");
    if (!model_exists(*name)) {
      return BatchError{.code = "model_not_found",
                        .message = fmt::format("The provided model '{}' is not supported by the Batch API.", *name),
                        .param = "body.model"};
    }
    if (m_checked.model.empty()) m_checked.model = *name;
    if (*name != m_checked.model) {
      return BatchError{.code = "model_mismatch",
                        .message = fmt::format("The model '{}' for this request does not match the rest of the batch "
                                               "('{}'). Each batch must contain requests for a single model.",
                                               *name, m_checked.model),
                        .param = "body.model"};
    }
    m_checked.input_tokens += m_endpoint.input_tokens(*body);
    m_inputs += static_cast<std::int64_t>(inputs_of(m_endpoint, *body).size());
    return std::nullopt;
  }

  const Endpoint& m_endpoint;
  std::int64_t m_number = 0;
  std::int64_t m_inputs = 0; // of all requests, where one may hold several
  json::Document m_document = {};
  std::unordered_set<std::size_t> m_ids = {};
  Checked m_checked = {};
};

} // namespace

Checked check_input(const std::filesystem::path& path, const Endpoint& endpoint)
{
  CappedLines lines{path, longest_line};
  if (InputFile{path}.size() > most_bytes) return Check::too_large(lines.next()->text);
  Check check{endpoint};
  while (const auto line = lines.next())
    check.line(*line);
  return check.finish();
}

} // namespace batchwright::emulator
