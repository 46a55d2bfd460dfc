#include <batchwright/base/files.hpp>
#include <batchwright/store/layout.hpp>

#include <fmt/format.h>

namespace batchwright::store {

std::filesystem::path JobLayout::file(int part, std::string_view what) const
{
  return m_directory / fmt::format("{:04}.{}", part, what);
}

void Layout::prepare() const
{
  make_private_directory(m_root);
  make_private_directory(jobs());
  make_private_directory(locks());
}

} // namespace batchwright::store
