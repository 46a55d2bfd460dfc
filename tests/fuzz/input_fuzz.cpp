// Any file as input, in each format: items or one error of ours; read from any item's mark, it gives the same rest.
// The first byte chooses the format.

#include "tests/fuzz/entry.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/input.hpp>

#include <fmt/format.h>

#include <sys/mman.h>
#include <unistd.h>

#include <vector>

using namespace batchwright;

namespace {

struct Seen {
  Mark mark = {};
  std::string raw = {};
};

std::vector<Seen> items_of(const PinnedInput& pinned, Mark from)
{
  std::vector<Seen> seen;
  const auto stream = input::open({pinned}, {.skip_bad = 3, .on_skipped = {}}, from);
  while (const auto* item = stream->next()) {
    Seen one{item->mark, {}};
    item->each([&](std::string_view column, const input::Field& field) {
      one.raw.append(column).append(1, '\0').append(field.bytes).append(1, '\0');
    });
    seen.push_back(std::move(one));
  }
  return seen;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  if (size == 0) return 0;
  constexpr InputFormat formats[] = {InputFormat::csv, InputFormat::jsonl, InputFormat::text};
  const Descriptor file{::memfd_create("input", MFD_CLOEXEC)};
  tests::promise(write_all(file.get(), tests::text_of(data + 1, size - 1)));
  const PinnedInput pinned{.path = fmt::format("/proc/self/fd/{}", file.get()), .format = formats[data[0] % 3]};
  try {
    const auto all = items_of(pinned, {});
    if (all.empty()) return 0;
    const auto rest = items_of(pinned, all.back().mark);
    tests::promise(rest.size() == 1 && rest.front().raw == all.back().raw);
  } catch (const Error& error) {
    tests::promise(error.fault() == Fault::input);
  }
  return 0;
}
