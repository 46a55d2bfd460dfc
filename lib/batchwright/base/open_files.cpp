#include <batchwright/base/open_files.hpp>

#include <sys/resource.h>

namespace batchwright {

std::uint64_t raise_open_files() noexcept
{
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  auto raised = limit;
  raised.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

} // namespace batchwright
