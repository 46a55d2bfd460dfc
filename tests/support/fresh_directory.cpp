#include "tests/support/fresh_directory.hpp"

#include <doctest/doctest.h>

#include <stdlib.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace tests {

FreshDirectory::FreshDirectory()
{
  std::string pattern = (std::filesystem::temp_directory_path() / "batchwright-test-XXXXXX").native();
  if (!mkdtemp(pattern.data())) throw std::runtime_error{"no directory for the test: " + pattern};
  m_path = pattern;
}

FreshDirectory::~FreshDirectory()
{
  if (doctest::getContextOptions()->currentTest && std::uncaught_exceptions() > 0) {
    std::cerr << "left for a look: " << m_path << '\n';
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(m_path, ignored);
}

std::filesystem::path FreshDirectory::file(std::string_view name, std::string_view content) const
{
  const auto place = m_path / name;
  std::filesystem::create_directories(place.parent_path());
  std::ofstream out{place, std::ios::binary};
  out << content;
  return place;
}

std::string slurp(const std::filesystem::path& path)
{
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

} // namespace tests
