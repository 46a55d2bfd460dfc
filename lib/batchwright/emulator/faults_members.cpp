#include <batchwright/base/error.hpp>
#include <batchwright/emulator/faults_members.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace batchwright::emulator {

Members::Members(const json::Value& object, std::string where) : m_where(std::move(where))
{
  if (!object.is(json::Kind::object)) refuse("an object");
  for (const auto& member : object.members())
    m_left.emplace_back(json::decode_lossy(member.key.token()), member.value);
}

std::optional<json::Value> Members::take(std::string_view key)
{
  m_known += fmt::format("{}{}", m_known.empty() ? "" : ", ", key);
  const auto found = std::find_if(m_left.begin(), m_left.end(), [&](const auto& m) { return m.first == key; });
  if (found == m_left.end()) return std::nullopt;
  const auto value = found->second;
  m_left.erase(found);
  m_taken.emplace_back(key);
  return value;
}

bool Members::given(std::string_view key) const
{
  return std::find(m_taken.begin(), m_taken.end(), key) != m_taken.end();
}

void Members::take(std::string_view key, std::int64_t& to, std::int64_t least)
{
  const auto value = take(key);
  if (!value) return;
  const auto n = value->integer();
  if (!n || *n < least) refuse(key, fmt::format("a whole number, {} or more", least));
  to = *n;
}

void Members::take(std::string_view key, double& to)
{
  const auto value = take(key);
  if (!value) return;
  const auto digits = value->raw();
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), to);
  const bool whole = fault == std::errc{} && end == digits.data() + digits.size();
  if (!value->is(json::Kind::number) || !whole || to < 0 || to > 1) refuse(key, "a number from 0 to 1");
}

void Members::take(std::string_view key, bool& to)
{
  const auto value = take(key);
  if (!value) return;
  if (!value->is(json::Kind::boolean)) refuse(key, "true or false");
  to = *value->boolean();
}

void Members::take(std::string_view key, std::string& to)
{
  const auto value = take(key);
  if (!value) return;
  const auto text = value->text();
  if (!text) refuse(key, "a string");
  to = *text;
}

void Members::take_list(std::string_view key, const std::function<void(const json::Value&, std::string)>& each)
{
  const auto value = take(key);
  if (!value) return;
  if (!value->is(json::Kind::array)) refuse(key, "an array");
  std::size_t n = 0;
  for (const auto& element : value->elements())
    each(element, fmt::format("{}, {}[{}]", m_where, key, n++));
}

Which Members::take_which(std::string_view list_key)
{
  Which which;
  if (const auto value = take(list_key)) {
    const auto numbers = value->is(json::Kind::array) ? value->elements() : std::vector{*value};
    if (numbers.empty()) refuse(list_key, "a number from 1 up, or an array of at least one");
    for (const auto& number : numbers) {
      const auto n = number.integer();
      if (!n || *n < 1) refuse(list_key, "a number from 1 up, or an array of them");
      which.nth.push_back(*n);
    }
  }
  take("every", which.every, 1);
  take("first", which.first, 1);
  take("probability", which.probability);
  if (given("probability") && which.probability == 0) refuse("probability", "a number above 0, up to 1");
  return which;
}

std::map<std::string, std::string> Members::take_texts(std::string_view key)
{
  std::map<std::string, std::string> texts;
  const auto value = take(key);
  if (!value) return texts;
  if (!value->is(json::Kind::object)) refuse(key, "an object of strings");
  for (const auto& member : value->members()) {
    const auto text = member.value.text();
    if (!text) refuse(key, "an object of strings");
    texts[json::decode_lossy(member.key.token())] = *text;
  }
  return texts;
}

std::map<std::string, std::int64_t> Members::take_numbers(std::string_view key, std::int64_t least)
{
  std::map<std::string, std::int64_t> numbers;
  const auto value = take(key);
  if (!value) return numbers;
  const auto expected = fmt::format("an object of whole numbers, {} or more", least);
  if (!value->is(json::Kind::object)) refuse(key, expected);
  for (const auto& member : value->members()) {
    const auto n = member.value.integer();
    if (!n || *n < least) refuse(key, expected);
    numbers[json::decode_lossy(member.key.token())] = *n;
  }
  return numbers;
}

void Members::finish() const
{
  if (m_left.empty()) return;
  throw Error{Fault::input, fmt::format("{}: unknown key \"{}\"", m_where, m_left.front().first),
              "the keys here are " + m_known};
}

void Members::refuse(std::string_view key, std::string_view expected) const
{
  throw Error{Fault::input, fmt::format("{}: \"{}\": expected {}", m_where, key, expected)};
}

void Members::refuse(std::string_view expected) const
{
  throw Error{Fault::input, fmt::format("{}: expected {}", m_where, expected)};
}

} // namespace batchwright::emulator
