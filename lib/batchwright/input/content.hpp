// What an input holds, by which it is known again. Private to input/.
#pragma once

#include <batchwright/model/job.hpp>

#include <cstdint>
#include <string>

namespace batchwright::input {

struct Content {
  std::uint64_t bytes = 0;
  std::string sha256 = {};

  bool operator==(const Content&) const = default;
};

/// Reads all of it. Throws `Fault::storage`.
Content content_of(const PinnedInput& input);

/// As `file_witness`, for whatever the input is.
std::string witness_of(const PinnedInput& input);

} // namespace batchwright::input
