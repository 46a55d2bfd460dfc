#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/input/digesting.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::input {
namespace {

constexpr std::size_t block_size = 1 << 18;

/// Nothing of use where it is told to stop.
std::string digest_of(const PinnedInput& input, const std::stop_token& stop)
{
  Sha256 sha;
  InputFile file{input.path};
  std::string block(block_size, '\0');
  while (const auto n = stop.stop_requested() ? 0 : file.read(block.data(), block.size()))
    sha.update({block.data(), n});
  return sha.hex();
}

std::vector<std::string> missing_digests(const std::vector<PinnedInput>& inputs, const std::stop_token& stop)
{
  std::vector<std::string> digests;
  for (const auto& input : inputs)
    digests.push_back(input.sha256.empty() ? digest_of(input, stop) : std::string{});
  return digests;
}

std::vector<std::string> looks_of(const std::vector<PinnedInput>& inputs)
{
  std::vector<std::string> looks;
  for (const auto& input : inputs)
    looks.push_back(input.sha256.empty() ? file_looks(input.path) : std::string{});
  return looks;
}

Error written_to(const PinnedInput& input)
{
  return Error{Fault::input, fmt::format("reading {}: it was written to meanwhile", input.path),
               "run the command again when nothing writes to it any more"}
      .at({input.path, 0, {}});
}

} // namespace

Digesting::Digesting(const std::vector<PinnedInput>& inputs)
    : m_looks(looks_of(inputs)), m_digests(std::async(std::launch::async, missing_digests, inputs, m_stop.get_token()))
{
}

Digesting::~Digesting()
{
  m_stop.request_stop();
  if (m_digests.valid()) m_digests.wait();
}

void Digesting::end(std::vector<PinnedInput>& inputs)
{
  if (!m_digests.valid()) return;
  auto digests = m_digests.get();
  ensure(digests.size() == inputs.size(), "digests are filled in where they were missing");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (digests[i].empty()) continue;
    if (file_looks(inputs[i].path) != m_looks[i]) throw written_to(inputs[i]);
    inputs[i].sha256 = std::move(digests[i]);
  }
}

} // namespace batchwright::input
