// What became of one item, and why.
#pragma once

#include <batchwright/model/money.hpp>

#include <cstdint>
#include <string_view>

namespace batchwright {

enum class Status : std::uint8_t {
  pending,
  succeeded,
  failed
};

/// How an answer is judged, before the policy says what follows from it.
enum class Judgement : std::uint8_t {
  success,   ///< an answer one can use
  unusable,  ///< paid for, yet not usable: truncated, refused, ...; never sent again unchanged by itself
  permanent, ///< refused for good: sending it again changes nothing
  transient, ///< could not be answered this time; an attempt is used up
  free_retry ///< could not be answered this time, and that was not the item's doing: no attempt is used up
};

constexpr std::string_view name(Status status)
{
  switch (status) {
  case Status::pending:
    return "pending";
  case Status::succeeded:
    return "succeeded";
  case Status::failed:
    return "failed";
  }
  return "pending";
}

} // namespace batchwright
