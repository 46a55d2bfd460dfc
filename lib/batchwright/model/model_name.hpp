// What a model and its snapshots are called together.
#pragma once

#include <string_view>

namespace batchwright {

/// The name that a model's snapshots and versions share: "gpt-5.4-mini" for "gpt-5.4-mini-2026-03-17" and
/// "gpt-5.4-mini-20260317", "gpt-4" for "gpt-4-0613", "text-embedding-ada-002" for "text-embedding-ada-002-v2". The
/// name itself where it is none of those.
std::string_view shared_name(std::string_view model);

} // namespace batchwright
