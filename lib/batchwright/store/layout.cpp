#include <batchwright/base/disk.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/store/layout.hpp>

#include <fmt/format.h>

namespace batchwright::store {

std::filesystem::path JobLayout::file(int part, std::string_view what) const
{
  return m_directory / fmt::format("{:04}.{}", part, what);
}

std::filesystem::path JobLayout::outcomes(int part, int version) const
{
  return file(part, version == 0 ? std::string{"outcomes"} : fmt::format("outcomes-{}", version));
}

std::filesystem::path packed(std::filesystem::path output)
{
  return output += ".zst";
}

std::filesystem::path as_it_stands(const std::filesystem::path& output)
{
  auto other = packed(output);
  return std::filesystem::exists(other) ? other : output;
}

void Layout::prepare() const
{
  if (const auto network = network_filesystem_of(m_root); !network.empty()) {
    throw Error{
        Fault::config,
        fmt::format("{} stands on a network file system ({}), whose locks cannot be trusted", m_root.native(), network),
        "name a directory on a disk of this machine: --home DIR, or BATCHWRIGHT_HOME"};
  }
  make_private_directory(m_root);
  make_private_directory(jobs());
  make_private_directory(locks());
}

} // namespace batchwright::store
