#include <batchwright/input/content.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/input/tree.hpp>

#include <fmt/format.h>

namespace batchwright::input {
namespace {

Error changed(const PinnedInput& input, const Content& now)
{
  const bool folder = input.format == InputFormat::files;
  auto how = folder ? change_of_tree(input.path, input.witness) : std::string{};
  if (how.empty()) {
    how = now.bytes == input.bytes ? "same size, other bytes"
                                   : fmt::format("it had {} bytes, now {}", input.bytes, now.bytes);
  }
  const auto* what = folder ? "folder" : "file";
  return Error{Fault::input,
               fmt::format("reading {}: the {} has changed since the job was made ({})", input.path, what, how),
               fmt::format("put the {} back as it was, or submit it as a new job with --name", what)}
      .at({input.path, 0, {}});
}

void check_one(PinnedInput& input)
{
  auto witness = witness_of(input);
  if (!witness.empty() && witness == input.witness) return;
  const auto now = content_of(input);
  if (now != Content{input.bytes, input.sha256}) throw changed(input, now);
  input.witness = std::move(witness);
}

} // namespace

void Pins::check()
{
  const std::lock_guard lock{m_mutex};
  for (auto& input : m_inputs)
    check_one(input);
}

std::vector<PinnedInput> Pins::inputs()
{
  const std::lock_guard lock{m_mutex};
  return m_inputs;
}

} // namespace batchwright::input
