// A page of a listing: the one place that knows the envelope of the API's lists.
#pragma once

#include <batchwright/emulator/reply.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright::emulator {

/// The places `begin` to `end` in the order of the listing, and how many may be shown of them.
struct PageBounds {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::int64_t limit = 0;
};

/// `{"object":"list","data":[...],"first_id","last_id","has_more"}`. `at` gives what stands at a place and has an `id`;
/// `shown` says whether it is listed, `write` how.
template<class At, class Shown, class Write>
Reply page_of(const PageBounds& bounds, At at, Shown shown, Write write)
{
  std::optional<std::string> first, last;
  std::int64_t count = 0;
  bool more = false;
  Reply reply;
  json::Writer w{reply.body};
  w.begin_object().member("object", "list").key("data").begin_array();
  for (auto place = bounds.begin; place < bounds.end && !more; ++place) {
    const auto& found = at(place);
    if (!shown(found)) continue;
    more = count++ == bounds.limit;
    if (more) break;
    write(w, found);
    last = found.id;
    if (!first) first = found.id;
  }
  w.end_array().member("first_id", first).member("last_id", last).flag("has_more", more).end_object();
  return reply;
}

} // namespace batchwright::emulator
