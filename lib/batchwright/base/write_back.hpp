// Durable files on their way to the disk while more of them is made, so that little is left to wait for at the end.
#pragma once

#include <cstdint>

namespace batchwright {

/// Of one file, as far as it was written.
class WriteBack {
public:
  /// The file has so many bytes now: the disk is told to begin with what it was not told of yet, where that is worth
  /// it. Whether that helps or not, who syncs the file hears of what went wrong.
  void wrote(int fd, std::uint64_t size);
  /// It was cut to so many.
  void cut(std::uint64_t size) { m_told = size; }

private:
  std::uint64_t m_told = 0;
};

} // namespace batchwright
