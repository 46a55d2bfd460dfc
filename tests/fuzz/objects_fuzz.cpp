// Any body of the control plane: a value or nothing.

#include "tests/fuzz/entry.hpp"

#include <batchwright/wire/objects.hpp>
#include <batchwright/wire/usage.hpp>

using namespace batchwright;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const auto body = tests::text_of(data, size);
  if (const auto batch = wire::parse_batch(body)) {
    tests::promise(!batch->id.empty());
    static_cast<void>(wire::refusal_of(batch->errors));
  }
  if (const auto file = wire::parse_file(body)) tests::promise(!file->id.empty());
  static_cast<void>(wire::parse_batches(body));
  static_cast<void>(wire::parse_files(body));
  static_cast<void>(wire::parse_error(body));
  static_cast<void>(wire::named_limit(body));
  static_cast<void>(wire::parse_usage(body));
  return 0;
}
