// The members of one object of a faults file, each taken by the code that knows it. In: JSON, and how to name the
// object in messages. Out: values of the right kind and range. What is not as it must be, or is taken by nobody, throws
// `Error{Fault::input}` that names the file, the key and what was expected.
#pragma once

#include <batchwright/emulator/which.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batchwright::emulator {

class Members {
public:
  Members(const json::Value& object, std::string where);

  std::optional<json::Value> take(std::string_view key);
  /// Whether a key that was asked for was there.
  bool given(std::string_view key) const;

  void take(std::string_view key, std::int64_t& to, std::int64_t least = 0);
  void take(std::string_view key, double& to); ///< 0 to 1
  void take(std::string_view key, bool& to);
  void take(std::string_view key, std::string& to);
  template<class Enum>
  void take(std::string_view key, Enum& to, std::initializer_list<std::pair<std::string_view, Enum>> words);
  /// Calls `each` with every element of an array and its name in messages.
  void take_list(std::string_view key, const std::function<void(const json::Value&, std::string)>& each);
  /// `list_key` is how the object calls the single numbers: "nth", "batch".
  Which take_which(std::string_view list_key);
  std::map<std::string, std::string> take_texts(std::string_view key);
  std::map<std::string, std::int64_t> take_numbers(std::string_view key, std::int64_t least);

  /// Refuses what was taken by nobody.
  void finish() const;

  [[noreturn]] void refuse(std::string_view key, std::string_view expected) const;

private:
  [[noreturn]] void refuse(std::string_view expected) const;

  std::string m_where;
  std::string m_known = {}; // every key that was asked for
  std::vector<std::pair<std::string, json::Value>> m_left = {};
  std::vector<std::string> m_taken = {};
};

// ---------------------------------------------------------------------------------------------------------------------

template<class Enum>
void Members::take(std::string_view key, Enum& to, std::initializer_list<std::pair<std::string_view, Enum>> words)
{
  const auto value = take(key);
  if (!value) return;
  std::string known;
  for (const auto& [word, meaning] : words) {
    if (value->text() == word) {
      to = meaning;
      return;
    }
    known += std::string{known.empty() ? "\"" : ", \""} + std::string{word} + '"';
  }
  refuse(key, "one of " + known);
}

} // namespace batchwright::emulator
