// SHA-256 of what passes by: inputs are pinned with it, parts are known by it.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace batchwright {

class Sha256 {
public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  /// 64 lower-case hexadecimal digits of the digest of the bytes so far; begins anew.
  std::string hex();
  /// The same as bytes.
  std::array<unsigned char, 32> take();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

/// The digest of a file's bytes. Throws `Fault::storage` when it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

} // namespace batchwright
