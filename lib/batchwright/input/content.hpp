// What an input holds, by which it is known again. Private to input/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>

#include <cstdint>
#include <string>

namespace batchwright::input {

struct Content {
  std::uint64_t bytes = 0;
  std::string sha256 = {};

  bool operator==(const Content&) const = default;
};

/// Reads all of it. Throws `Fault::storage`; `Fault::input` for what was piped in and is packed, and broken.
Content content_of(const PinnedInput& input);

/// The format a file is read in, of the one that was asked for. Throws as `detect_format`.
InputFormat readable_format(const std::string& path, InputFormat asked, Empty empty);

/// As `file_witness`, for whatever the input is.
std::string witness_of(const PinnedInput& input);

} // namespace batchwright::input
