#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/input/pins.hpp>

#include <fmt/format.h>

namespace batchwright::input {
namespace {

Error changed(const PinnedInput& input, std::string_view how)
{
  return Error{Fault::input,
               fmt::format("reading {}: the file has changed since the job was made ({})", input.path, how),
               "put the file back as it was, or submit it as a new job with --name"}
      .at({input.path, 0, {}});
}

void check_one(PinnedInput& input)
{
  auto witness = file_witness(input.path);
  if (!witness.empty() && witness == input.witness) return;
  const auto bytes = InputFile{input.path}.size();
  if (bytes != input.bytes) throw changed(input, fmt::format("it had {} bytes, now {}", input.bytes, bytes));
  if (sha256_of_file(input.path) != input.sha256) throw changed(input, "same size, other bytes");
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
