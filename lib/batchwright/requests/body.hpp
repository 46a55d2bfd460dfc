// A body template: the whole body of a request as the user wrote it, a JSON object in whose strings `{{column}}` may
// stand. Comes in: its text and what the job's options add. Goes out: one body for each item, on one line. A string
// that is nothing but `{{column}}` takes the field's typed value; in others, texts are filled in. Keys stand as they
// are. Private to requests/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/requests/template.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::requests {

class BodyTemplate {
public:
  /// Throws `Fault::usage` naming the line and byte where the template is no JSON object, and for members that cannot
  /// stand there: `stream`, a model that is another than the job's, or filled in (a part has one model).
  explicit BodyTemplate(const RequestSpec& spec);

  /// Appends the item's body. Notes in `texts` what was filled in, counted from `line_begin`.
  void append(std::string& out, const input::Item& item, std::size_t line_begin,
              std::vector<LineTexts::Span>& texts) const;

private:
  struct Piece {
    std::string literal = {};            // JSON
    std::optional<Template> filled = {}; // stands behind it; in quotes, unless it is one column
  };

  void add(std::string_view json);
  void add_value(const std::string& option, const json::Value& value);

  std::vector<Piece> m_pieces{1};
};

/// The model that a body template names; empty: none. Throws as the constructor where it is no JSON object.
std::string model_of_body(const std::string& body);

} // namespace batchwright::requests
