// What the emulated models remember of prompts, so that the same beginning need not be read again. In: prompts as they
// stand in the JSON. Out: how many of their tokens were remembered. Both routes share it. Never: knows an answer.
//
// A prompt is remembered by its beginnings of 1,024 tokens, 1,152, 1,280 and so on, 128 more each (a token is four
// bytes, as everywhere here), for its model and its `prompt_cache_key`. What was not asked for in a long while is
// forgotten first: at least the last 100,000 beginnings are known.
#pragma once

#include <batchwright/json/json.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_set>

namespace batchwright::emulator {

/// What a prompt's tokens did in the cache: parts of its input.
struct CacheUse {
  std::int64_t read = 0;
  std::int64_t written = 0; ///< told by models that bill it: from gpt-5.6 on
};

/// May be used from many threads.
class PromptCache {
public:
  /// How much of the prompt was remembered; from now on all of it is. `body`: names the model and the key.
  CacheUse use(const json::Value& body, std::string_view prompt);

private:
  bool remember(std::uint64_t beginning);

  std::mutex m_mutex = {};
  std::unordered_set<std::uint64_t> m_young = {};
  std::unordered_set<std::uint64_t> m_old = {}; // forgotten when enough young ones came
};

} // namespace batchwright::emulator
