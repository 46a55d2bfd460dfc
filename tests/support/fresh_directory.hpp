// A directory of its own for each test case, gone when the case passes, kept for a look when it fails.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tests {

class FreshDirectory {
public:
  FreshDirectory();
  FreshDirectory(const FreshDirectory&) = delete;
  FreshDirectory& operator=(const FreshDirectory&) = delete;
  ~FreshDirectory();

  const std::filesystem::path& path() const noexcept { return m_path; }
  std::filesystem::path operator/(std::string_view name) const { return m_path / name; }
  /// Writes a file of this name and returns its path.
  std::filesystem::path file(std::string_view name, std::string_view content) const;

private:
  std::filesystem::path m_path;
};

std::string slurp(const std::filesystem::path& path);

} // namespace tests
