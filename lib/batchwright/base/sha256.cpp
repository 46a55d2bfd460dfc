#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>

#include <Poco/Crypto/DigestEngine.h>
#include <Poco/Crypto/OpenSSLInitializer.h>

#include <algorithm>

namespace batchwright {
namespace {

// Every Poco digest counts itself as a user of OpenSSL, and the first and last user set up and take down shared tables
// without a lock: two threads that make digests at once free them twice. One user who is there before main and
// leaves after it keeps the count above zero.
const Poco::Crypto::OpenSSLInitializer first_and_last_user;

} // namespace

struct Sha256::State {
  Poco::Crypto::DigestEngine engine{"SHA256"};
};

Sha256::Sha256() : m_state(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes)
{
  m_state->engine.update(bytes.data(), bytes.size());
}

std::string Sha256::hex()
{
  return Poco::DigestEngine::digestToHex(m_state->engine.digest());
}

std::array<unsigned char, 32> Sha256::take()
{
  std::array<unsigned char, 32> bytes = {};
  const auto& digest = m_state->engine.digest(); // the engine begins anew by itself
  std::copy(digest.begin(), digest.end(), bytes.begin());
  return bytes;
}

std::string sha256_of_file(const std::filesystem::path& path)
{
  Sha256 sha;
  InputFile file{path};
  constexpr std::uint64_t largest_block = 1 << 20;
  std::string block(std::clamp<std::uint64_t>(file.size(), 1, largest_block), '\0'); // small files come by the thousand
  while (const auto n = file.read(block.data(), block.size()))
    sha.update({block.data(), n});
  return sha.hex();
}

} // namespace batchwright
