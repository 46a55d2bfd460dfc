// A configuration of one test: its file, its variables, its options.
#pragma once

#include "tests/support/fresh_directory.hpp"

#include <batchwright/config/settings.hpp>

#include <filesystem>
#include <map>
#include <string>

namespace tests {

struct Configured {
  FreshDirectory dir = {};
  std::map<std::string, std::string> variables = {};
  batchwright::config::Given given = {};

  std::filesystem::path file() const { return dir / "batchwright/config.toml"; }

  void write(const std::string& text) const
  {
    std::filesystem::create_directories(file().parent_path());
    dir.file("batchwright/config.toml", text);
    std::filesystem::permissions(file(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  batchwright::config::Settings loaded() const
  {
    const auto read = [this](const char* name) {
      const std::string directory = std::string{name} == "XDG_CONFIG_HOME" ? dir.path().native() : std::string{};
      const auto found = variables.find(name);
      return found == variables.end() ? directory : found->second;
    };
    return batchwright::config::load(given, read, "https://default/v1");
  }
};

} // namespace tests
