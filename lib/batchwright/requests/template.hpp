// A text with `{{column}}` in it, cut into pieces once and filled for each item. Private to requests/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/requests/column.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::requests {

class Template {
public:
  Template() = default;
  /// `option` is the name under which the user gave it: "--prompt". Throws `Fault::usage` where it cannot be read.
  Template(std::string_view option, std::string_view text);

  /// Appends the filled text as the inside of a JSON string. Throws `Fault::input` where the item has no such column.
  void append(std::string& out, const input::Item& item) const;

  /// The column, where the template is `{{column}}` and nothing else; else null.
  const Column* only_column() const;

private:
  struct Piece {
    std::string literal = {};          // the inside of a JSON string
    std::optional<Column> column = {}; // stands behind it
  };

  void add_literal(std::string_view text);

  std::vector<Piece> m_pieces = {};
};

} // namespace batchwright::requests
