// A text with `{{column}}` in it, cut into pieces once and filled for each item. Private to requests/.
#pragma once

#include <batchwright/input/input.hpp>

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

private:
  struct Piece {
    std::string text = {};    // the inside of a JSON string, or what stands between the braces
    std::string trimmed = {}; // of a column: its name without spaces around it
    bool is_column = false;
  };

  void add_literal(std::string_view text);
  input::Field field_of(const Piece& piece, const input::Item& item) const;

  std::string m_option = {};
  std::vector<Piece> m_pieces = {};
};

/// Appends a field as the inside of a JSON string: strings keep their escapes as they stand, null is nothing.
void append_inside(std::string& out, const input::Field& field);

/// That the item has no such column, with those it has. `needs`: "--prompt needs".
Error unknown_column(const input::Item& item, std::string_view needs, std::string_view column);

} // namespace batchwright::requests
