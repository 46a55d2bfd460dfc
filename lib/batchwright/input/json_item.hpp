// A line of JSON as an item. Private to input/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/input/window.hpp>
#include <batchwright/json/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace batchwright::input {

class JsonItem : public Item {
public:
  std::optional<Field> field(std::string_view column) const override;
  void each(const OnField& on_field) const override;
  std::string_view line() const override { return text; }
  std::optional<json::Value> json() const override { return m_document.root(); }

  /// Looks into the line, which begins here: REQUIRED before anything else of it is asked for. Why it cannot be used;
  /// nothing where it can.
  std::optional<Error> read(std::string_view path, Start start);

  std::string_view text = {};

private:
  json::Document m_document = {};
};

} // namespace batchwright::input
