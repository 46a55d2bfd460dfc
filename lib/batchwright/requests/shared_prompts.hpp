// What the prompts of a job's requests have in common, at their beginning and at their end: what providers could cache.
// Comes in: request lines. Goes out: our estimate in tokens, by model. A sample is looked at: the first thousand
// requests to a model, and then every thousandth. Only chat completions and responses are cached. Private to requests/.
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/model/caching.hpp>
#include <batchwright/requests/assembler.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::requests {

/// What texts have in common.
class CommonText {
public:
  void add(std::string_view text);
  std::string_view beginning() const { return m_beginning; }
  /// The same at the end. No text has any of it in its beginning too.
  std::string_view end() const;

private:
  bool m_is_any = false;
  std::string m_beginning = {};
  std::string m_end = {};
  std::size_t m_shortest = 0;
};

class SharedPrompts {
public:
  /// `spec`: what requests have that do not say it themselves.
  explicit SharedPrompts(const RequestSpec& spec) : m_spec(spec) {}

  void look(const Request& request);
  /// Of models that were asked more than once.
  std::map<std::string, SharedPrompt> found() const;

private:
  struct OfModel {
    std::uint64_t requests = 0;
    std::uint64_t looks = 0;
    bool has_keys = true;
    CommonText texts = {};

    bool is_hopeless() const;
  };

  const RequestSpec& m_spec;
  json::Document m_document = {};
  std::map<std::string, OfModel> m_models = {};
};

} // namespace batchwright::requests
