#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/shared_prompts.hpp>
#include <batchwright/wire/endpoint.hpp>

#include <algorithm>
#include <array>

namespace batchwright::requests {
namespace {

using json::Kind;
using json::Value;

constexpr std::uint64_t looked_at_first = 1000;
constexpr std::uint64_t looked_at_then = 1000; // every so many
constexpr int most_levels = 100;

/// What a model reads before the messages, and those; in the order in which providers put them together.
constexpr auto read_whole = std::to_array<std::string_view>({"tools", "functions", "response_format", "text"});
constexpr auto read_as_texts = std::to_array<std::string_view>({"instructions", "messages", "input"});

/// What is said of pictures and files: their data is no text, and each is taken to be another one.
class Reader {
public:
  explicit Reader(std::uint64_t number) : m_other("\n#" + std::to_string(number) + '\n') {}

  void add(std::string& out, const Value& value, int levels = most_levels) const
  {
    if (value.is(Kind::string)) {
      out += value.token().starts_with("data:") ? m_other : json::decode_lossy(value.token());
      out += '\n';
    } else if (levels > 0 && value.is(Kind::array)) {
      for (const auto& element : value.elements())
        add(out, element, levels - 1);
    } else if (levels > 0 && value.is(Kind::object)) {
      for (const auto& member : value.members())
        add_member(out, member.key.token(), member.value, levels - 1);
    }
  }

private:
  void add_member(std::string& out, std::string_view name, const Value& value, int levels) const
  {
    if (name == "type") return;
    if (name == "image_url" || name == "input_audio" || name.starts_with("file"))
      out += m_other;
    else
      add(out, value, levels);
  }

  std::string m_other;
};

std::string prompt_of(const Value& body, const Reader& reader)
{
  std::string prompt;
  for (const auto name : read_whole)
    if (const auto value = body.get(name)) prompt += value->raw();
  for (const auto name : read_as_texts)
    if (const auto value = body.get(name)) reader.add(prompt, *value);
  return prompt;
}

bool is_cached(std::string_view endpoint)
{
  return endpoint == "/v1/chat/completions" || endpoint == "/v1/responses";
}

} // namespace

void CommonText::add(std::string_view text)
{
  if (!m_is_any) {
    m_is_any = true;
    m_beginning = m_end = text;
    m_shortest = text.size();
    return;
  }
  m_shortest = std::min(m_shortest, text.size());
  const auto front = std::mismatch(m_beginning.begin(), m_beginning.end(), text.begin(), text.end()).first;
  m_beginning.erase(front, m_beginning.end());
  const auto back = std::mismatch(m_end.rbegin(), m_end.rend(), text.rbegin(), text.rend()).first;
  m_end.erase(m_end.begin(), back.base());
}

std::string_view CommonText::end() const
{
  const auto most = m_shortest - m_beginning.size();
  const std::string_view end{m_end};
  return end.substr(end.size() - std::min(end.size(), most));
}

/// A token has a byte at least.
bool SharedPrompts::OfModel::is_hopeless() const
{
  constexpr auto least = static_cast<std::size_t>(least_cached);
  return looks > 1 && texts.beginning().size() < least && texts.end().size() < least;
}

void SharedPrompts::look(const Request& request)
{
  if (!is_cached(request.endpoint.empty() ? m_spec.endpoint : request.endpoint)) return;
  auto& seen = m_models[request.model.empty() ? m_spec.model : request.model];
  const bool is_due = ++seen.requests <= looked_at_first || seen.requests % looked_at_then == 0;
  if (!is_due || seen.is_hopeless()) return;
  ensure(m_document.parse(request.line), "a request line is JSON");
  const auto body = m_document.root().get("body");
  if (!body) return;
  ++seen.looks;
  seen.has_keys = seen.has_keys && body->get("prompt_cache_key");
  seen.texts.add(prompt_of(*body, Reader{seen.requests}));
}

std::map<std::string, SharedPrompt> SharedPrompts::found() const
{
  std::map<std::string, SharedPrompt> shared;
  for (const auto& [model, seen] : m_models) {
    if (seen.looks < 2) continue;
    shared[model] = {.beginning = money::estimate_tokens(seen.texts.beginning()),
                     .end = money::estimate_tokens(seen.texts.end()),
                     .has_keys = seen.has_keys};
  }
  return shared;
}

} // namespace batchwright::requests
