#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <vector>

namespace batchwright::emulator {
namespace {

/// A text in two forms: what is hashed and what is shown.
struct Said {
  std::string hashed = {};
  std::string shown = {};

  static Said of(const json::Value& value)
  {
    Said said;
    said.add(value);
    if (!value.is(json::Kind::string)) said.hashed = said.shown = value.raw();
    return said;
  }

  void add(const json::Value& string)
  {
    if (!string.is(json::Kind::string)) return;
    const auto text = string.text();
    hashed += text ? *text : std::string{string.token()};
    shown += text ? *text : json::decode_lossy(string.token());
  }
};

Said said_in(const json::Value& message)
{
  Said said;
  const auto content = message.find("content");
  if (!content) return said;
  said.add(*content);
  if (content->is(json::Kind::array)) {
    for (const auto& part : content->elements())
      if (const auto text = part.find("text")) said.add(*text);
  }
  return said;
}

std::string_view trimmed(std::string_view text)
{
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && blank(text.back()))
    text.remove_suffix(1);
  return text;
}

std::vector<std::string> split_choices(std::string_view list)
{
  list = trimmed(list);
  if (list.ends_with('.')) list.remove_suffix(1);
  std::vector<std::string> choices;
  for (std::size_t at = 0; at <= list.size();) {
    const auto comma = std::min(list.find(',', at), list.size());
    const auto choice = trimmed(list.substr(at, comma - at));
    if (!choice.empty()) choices.emplace_back(choice);
    at = comma + 1;
  }
  return choices;
}

/// The choices of the first line that offers any.
std::vector<std::string> choices_in(std::string_view text)
{
  constexpr std::string_view offer = "Answer with one of:";
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = trimmed(text.substr(at, end - at));
    if (line.starts_with(offer)) return split_choices(line.substr(offer.size()));
    at = end + 1;
  }
  return {};
}

/// How many words the first line asks for that asks for any.
std::optional<int> words_in(std::string_view text)
{
  constexpr std::string_view before = "Answer with ";
  constexpr int most = 10'000;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = trimmed(text.substr(at, end - at));
    at = end + 1;
    if (!line.starts_with(before)) continue;
    int count = 0;
    const auto digits = line.substr(before.size());
    const auto [rest, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    const auto behind = digits.substr(static_cast<std::size_t>(rest - digits.data()));
    if (fault == std::errc{} && count >= 0 && behind.starts_with(" words")) return std::min(count, most);
  }
  return std::nullopt;
}

std::string words(std::uint64_t hash, int count)
{
  constexpr std::string_view consonants = "bcdfghjklmnprstv";
  constexpr std::string_view vowels = "aeio";
  std::string text;
  for (int i = 0; i < count; ++i) {
    auto bits = fnv1a(fmt::format("{:016x}{}", hash, i));
    text += ' ';
    for (int pair = 0; pair < 2; ++pair, bits >>= 6U) {
      text += consonants[bits & 15U];
      text += vowels[(bits >> 4U) & 3U];
    }
  }
  return text;
}

std::string text_answer(const Said& user, const std::vector<std::string>& choices, std::optional<int> word_count)
{
  const auto hash = fnv1a(user.hashed);
  if (choices.empty()) return echo(user.hashed, user.shown) + words(hash, word_count.value_or(0));
  return choices[hash % choices.size()];
}

/// What a request asks, whichever endpoint it came to.
struct Asked {
  enum class Who {
    user,
    other
  };

  Said user = {};
  std::vector<std::string> choices = {};
  std::optional<int> words = {};

  void hear(Said said, Who who)
  {
    if (choices.empty()) choices = choices_in(said.shown);
    if (!words) words = words_in(said.shown);
    if (who == Who::user) user = std::move(said);
  }

  void hear(const json::Value& message)
  {
    const auto role = message.find("role");
    const auto name = role ? role->text() : std::nullopt;
    if (name == "user") hear(said_in(message), Who::user);
    if (name == "system" || name == "developer") hear(said_in(message), Who::other);
  }
};

Asked asked_in_chat(const json::Value& body)
{
  Asked asked;
  for (const auto& message : body.find("messages")->elements())
    asked.hear(message);
  return asked;
}

Asked asked_in_response(const json::Value& body)
{
  Asked asked;
  if (const auto instructions = body.get("instructions")) asked.hear(Said::of(*instructions), Asked::Who::other);
  const auto input = *body.find("input");
  if (input.is(json::Kind::string)) asked.hear(Said::of(input), Asked::Who::user);
  for (const auto& item : input.elements())
    asked.hear(item);
  return asked;
}

/// The answer in `format`; `definition` is what holds the schema of a format that has one.
std::string answer(const Asked& asked, const std::optional<json::Value>& format,
                   const std::optional<json::Value>& definition)
{
  const auto type = format ? format->find("type") : std::nullopt;
  const auto name = type ? type->text() : std::nullopt;
  const auto schema = name == "json_schema" && definition ? definition->get("schema") : std::nullopt;
  if (schema && schema_fault(*schema).empty()) return instance_of(*schema, fnv1a(asked.user.hashed));
  auto text = text_answer(asked.user, asked.choices, asked.words);
  if (name != "json_object" && name != "json_schema") return text;
  std::string document;
  json::Writer{document}.begin_object().member("answer", text).end_object();
  return document;
}

std::string_view first_code_points(std::string_view text, std::size_t count)
{
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
    if (begins && count-- == 0) break;
  }
  return text.substr(0, at);
}

bool ends_in_date(std::string_view model)
{
  constexpr std::string_view form = "-dddd-dd-dd";
  if (model.size() <= form.size()) return false;
  const auto tail = model.substr(model.size() - form.size());
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(tail[i])) != 0;
    if (form[i] == 'd' ? !digit : tail[i] != form[i]) return false;
  }
  return true;
}

} // namespace

std::string echo(std::string_view hashed, std::string_view shown)
{
  return fmt::format("echo {:016x} {}", fnv1a(hashed), first_code_points(shown, 40));
}

std::string answer_for(std::string_view user_text, std::string_view instructions)
{
  auto choices = choices_in(instructions);
  if (choices.empty()) choices = choices_in(user_text);
  auto words = words_in(instructions);
  if (!words) words = words_in(user_text);
  return text_answer({.hashed = std::string{user_text}, .shown = std::string{user_text}}, choices, words);
}

std::string answer_to(const json::Value& body)
{
  return answer(asked_in_chat(body), body.find("response_format"), body.find("response_format", "json_schema"));
}

std::uint64_t hash_of(const json::Value& body)
{
  return fnv1a(asked_in_chat(body).user.hashed);
}

std::string answer_to_response(const json::Value& body)
{
  const auto format = body.find("text", "format");
  return answer(asked_in_response(body), format, format);
}

std::uint64_t hash_of_response(const json::Value& body)
{
  return fnv1a(asked_in_response(body).user.hashed);
}

std::string answer_to_prompt(const json::Value& prompt)
{
  Asked asked;
  asked.hear(Said::of(prompt), Asked::Who::user);
  return text_answer(asked.user, asked.choices, asked.words);
}

std::int64_t token_count(std::string_view text)
{
  return std::max<std::int64_t>(1, (static_cast<std::int64_t>(text.size()) + 3) / 4);
}

std::int64_t prompt_tokens(const json::Value& body)
{
  const auto messages = body.find("messages");
  return messages ? token_count(messages->raw()) : 1;
}

std::string_view cut_to_tokens(std::string_view text, std::int64_t tokens)
{
  if (token_count(text) <= tokens) return text;
  auto size = static_cast<std::size_t>(std::max<std::int64_t>(tokens, 0)) * 4;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
    --size;
  return text.substr(0, size);
}

std::string snapshot_of(std::string_view model)
{
  return ends_in_date(model) ? std::string{model} : fmt::format("{}-2026-03-17", model);
}

} // namespace batchwright::emulator
