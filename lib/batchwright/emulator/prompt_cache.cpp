#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/prompt_cache.hpp>

#include <string>
#include <utility>

namespace batchwright::emulator {
namespace {

constexpr std::size_t bytes_per_token = 4;
constexpr std::int64_t least = 1024; // tokens
constexpr std::int64_t step = 128;   // tokens
constexpr std::size_t most_young = 100'000;

std::string text_of(const json::Value& body, std::string_view member)
{
  const auto value = body.get(member);
  return value ? value->text().value_or("") : std::string{};
}

/// Whether writing to the cache is billed: "gpt-5.6", "gpt-6.1-sol".
bool bills_writing(std::string_view model)
{
  return model.starts_with("gpt-5.6") || model.starts_with("gpt-6");
}

} // namespace

/// Whether it was known before.
bool PromptCache::remember(std::uint64_t beginning)
{
  const bool is_known = m_young.contains(beginning) || m_old.contains(beginning);
  m_young.insert(beginning);
  if (m_young.size() >= most_young) m_old = std::exchange(m_young, {});
  return is_known;
}

CacheUse PromptCache::use(const json::Value& body, std::string_view prompt)
{
  const auto whole = static_cast<std::int64_t>(prompt.size() / bytes_per_token) / step * step;
  if (whole < least) return {};
  const auto model = text_of(body, "model");
  auto hash = fnv1a(model + '\n' + text_of(body, "prompt_cache_key") + '\n');
  CacheUse use;
  const std::lock_guard lock{m_mutex};
  for (std::int64_t begin = 0, end = least; end <= whole; begin = end, end += step) {
    const auto from = static_cast<std::size_t>(begin) * bytes_per_token;
    const auto to = static_cast<std::size_t>(end) * bytes_per_token;
    hash = fnv1a(prompt.substr(from, to - from), hash);
    if (remember(hash)) use.read = end;
  }
  if (bills_writing(model)) use.written = whole - use.read;
  return use;
}

} // namespace batchwright::emulator
