// How many tokens a model reads of a body. Comes in: the JSON of a request's body, or of a member of it, whoever made
// it. Goes out: our estimate. Counted are texts, tools and schemas, what frames a message, and images by their rules.
// Not counted is what only steers: names of roles and models, switches, numbers, and files that are sent as data.
// Private to requests/.
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/model/money.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace batchwright::requests {

/// Of a member that is neither the content nor the instructions.
Tokens tokens_of_setting(std::string_view name, const json::Value& value);

/// Counts bodies one after another. What they have in common, as tools are, is counted once.
class BodyTokens {
public:
  Tokens of(const json::Value& body, std::string_view endpoint);

private:
  struct Known {
    std::string name = {};
    std::string json = {};
    Tokens tokens = {};
  };

  Tokens of_setting(std::string_view name, const json::Value& value);

  std::vector<Known> m_known = {};
};

} // namespace batchwright::requests
