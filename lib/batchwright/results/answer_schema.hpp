// Whether an answer keeps to the schema that was sent with its request.
// In: a schema, once, then documents. Out: nothing where a document fits, else words for people. Never: loads anything
// from elsewhere, or trusts an answer: deep, broken or endless ones cost time and memory as their size does, no more.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::results {

/// Copies share the schema and are cheap; violation() may be called from many threads at once.
class AnswerSchema {
public:
  /// Throws `Fault::input` where the schema breaks the strict rules (wire::check_strict; the first breach is told), or
  /// has a `pattern` that cannot be checked in linear time: RE2 reads all but lookaround, back references and named
  /// groups. The server refuses lookaround, too.
  explicit AnswerSchema(std::string_view schema_json);

  /// Nothing when `document` is JSON and fits, else what was found first: "/label: not one of the allowed values", with
  /// the JSON pointer (RFC 6901) into the document, without one where it is the whole. Values more than 200 deep inside
  /// each other and a key twice are violations, too. Formats are judged leniently: what may be meant is taken.
  std::optional<std::string> violation(std::string_view document) const;

private:
  struct Compiled;
  std::shared_ptr<const Compiled> m_compiled;
};

} // namespace batchwright::results
