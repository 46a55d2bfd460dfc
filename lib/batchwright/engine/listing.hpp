// Inside the room: looking for what a call made in a listing of the server's.
#pragma once

#include <batchwright/api/client.hpp>
#include <batchwright/base/clock.hpp>
#include <batchwright/model/call.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/wire/objects.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace batchwright::engine {

/// Listings are read back to this long before the intent: the server's clock and ours may differ.
inline constexpr Millis look_back{600'000};

/// `created_at` has whole seconds, and so has the `Date` that the server's clock is read from.
inline constexpr Millis clock_grain{2'000};

/// What a listing was asked for, and what came of it.
template<class T>
struct Look {
  std::optional<api::Reply<wire::Page<T>>> failed = {}; ///< the page that could not be read
  bool ignores_paging = false;                          ///< the server gave the same page again: not all was seen
  std::vector<T> found = {};                            ///< newest first
  std::optional<Instant> server_time = {};              ///< `Date` of the last page
};

/// The moment of an intent, to which a listing is read back.
struct Since {
  Instant local = {};                  ///< by our clock
  std::optional<Instant> server = {};  ///< by the server's, where it was known, which goes before: ours may have jumped
  std::optional<Instant> earlier = {}; ///< by the server's, what came before: the listing is read back to that
};

/// That of the oldest of these calls, one at least.
Since since_oldest(const std::vector<Call>& calls);

/// Reads a listing, newest first, until it is older than the intent, and keeps what `is_it`. `page` asks for one page
/// after an id; `is_it` is told an entry and the moment of the intent by the server's clock.
template<class T, class Page, class IsIt>
Look<T> look_through(const Since& since, const Clock& clock, Page page, IsIt is_it)
{
  Look<T> look;
  std::set<std::string> seen; // a server that ignores `after` would give the first page for ever
  for (decltype(T::id) after;;) {
    const auto reply = page(after);
    if (!reply.ok()) {
      look.failed = reply;
      return look;
    }
    look.server_time = reply.server_time;
    const auto ahead = reply.server_time ? *reply.server_time - clock.now() : Instant::duration{0};
    const auto intent = since.server.value_or(since.local + ahead);
    const auto end = std::min(intent, since.earlier.value_or(intent)) - look_back;
    for (const auto& entry : reply.value.data) {
      if (is_it(entry, intent)) look.found.push_back(entry);
      if (entry.created_at && *entry.created_at < end) return look;
    }
    if (reply.value.data.empty() || !reply.value.has_more.value_or(true)) return look;
    after = reply.value.data.back().id;
    look.ignores_paging = !seen.insert(after.str()).second;
    if (look.ignores_paging) return look;
  }
}

using BatchLook = Look<wire::BatchObject>;

/// So many batches are asked for one by one, more by pages of the listing.
inline constexpr std::size_t few = 20;

using Listed = std::map<BatchId, wire::BatchObject>;

/// What the listing shows of the batches of these parts; nothing of few. It is read, newest first, until it showed all,
/// is older than the oldest, or has cost half the calls that asking one by one would; whatever hinders it ends it.
Listed list(api::Client& client, const std::vector<Part>& parts);

} // namespace batchwright::engine
