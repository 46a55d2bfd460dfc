// What the organisation is billed for, as the usage endpoints tell it: sums by minute, kind, model and route. In: every
// request that is billed. Out: pages of buckets. Its members are the documentation's; none was seen at the live API.
//
//   GET /v1/organization/usage/completions    chat completions, responses and completions
//   GET /v1/organization/usage/embeddings, /v1/organization/usage/moderations
//   start_time, end_time    Unix seconds; the first must be there, the other is now unless given. Buckets are whole:
//                           the first is the one that holds start_time
//   bucket_width            1m, 1h or 1d (unless given), by UTC
//   group_by, group_by[]    repeated, also with commas between: project_id, user_id, api_key_id, model and, of
//                           completions only, batch. The emulator serves one project, user and key, whose names are
//                           made up
//   limit, page             buckets a page, and the `next_page` of the page before
// Filters (`models`, `batch`, ...) are refused as unknown. Requests that were refused or failed are not counted, audio
// tokens are none. Images and videos are told by no endpoint here.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/model_reply.hpp>
#include <batchwright/emulator/reply.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace batchwright::emulator {

/// Which of the usage endpoints tells of requests to a path: "completions"; empty: none does.
std::string_view usage_kind(std::string_view path);

/// One request that is billed.
struct Billed {
  Instant at = {};
  std::string_view kind = {}; ///< `usage_kind`; empty: it is not told
  std::string model = {};     ///< as the answer names it
  Usage usage = {};
};

class UsageBook {
public:
  enum class By : std::uint8_t {
    batch,
    call
  };
  struct Key {
    std::int64_t minute = 0; ///< since 1970
    std::string_view kind = {};
    std::string model = {};
    By by = By::call;

    auto operator<=>(const Key&) const = default;
  };
  struct Sums {
    std::int64_t requests = 0;
    Usage usage = {};

    Sums& operator+=(const Sums& more);
  };

  void add(const Billed& billed, By by);
  /// The answer to a call whose path ends in this kind.
  Reply page(const Call& call, const std::string& kind, Instant now) const;

private:
  std::map<Key, Sums> m_rows = {};
};

} // namespace batchwright::emulator
