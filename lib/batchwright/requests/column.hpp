// What stands between the braces of `{{column}}`, read once and looked up in each item: a column's name, a path into
// its JSON (`{{meta.author.0}}`), and what is to be done to the text (`{{text|head 2000}}`). Private to requests/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/requests/filters.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::requests {

class Column {
public:
  /// `option` is the name under which the user gave the template: "--prompt".
  Column(std::string option, std::string_view between_braces);

  /// Whether there is a name at all.
  bool is_named() const { return !m_name.empty(); }

  /// Appends the item's text as the inside of a JSON string. Throws `Fault::input` where the item has no such column,
  /// `Fault::usage` for a filter that is none.
  void append(std::string& out, const input::Item& item) const;
  /// Appends it as a JSON value: of JSON records as it stands, of others a string. Throws as append().
  void append_json(std::string& out, const input::Item& item) const;

private:
  struct Found {
    input::Field field = {};
    const std::vector<Filter>& filters;
  };

  Found find(const input::Item& item) const;

  std::string m_option;
  std::string m_text;                                          // as it stands between the braces
  std::string m_name = {};                                     // without spaces around it and without filters
  std::optional<std::vector<Filter>> m_filters{std::in_place}; // nothing: there is a bar, and no filter behind it
};

/// Appends a field as the inside of a JSON string: strings keep their escapes as they stand, null is nothing.
void append_inside(std::string& out, const input::Field& field);

/// That the item has no such column, with those it has. `needs`: "--prompt needs".
Error unknown_column(const input::Item& item, std::string_view needs, std::string_view column);

} // namespace batchwright::requests
