// Certificates made for one test: an authority that nobody knows, and servers that it vouches for.
#pragma once

#include "tests/support/scripted_server.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace tests {

class Authority {
public:
  /// Writes its certificate into `directory`.
  explicit Authority(const std::filesystem::path& directory);
  ~Authority();

  std::string ca_file() const;
  /// A certificate for one subject alternative name: "DNS:localhost", "IP:127.0.0.1".
  ServerIdentity vouch_for(const std::string& name) const;

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace tests
