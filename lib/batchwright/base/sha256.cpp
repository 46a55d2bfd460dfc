#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <algorithm>

namespace batchwright {
namespace {

struct Freed {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// Found once: OpenSSL would look it up, under a lock, for every digest that begins.
const EVP_MD* sha256()
{
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  ensure(found != nullptr, "OpenSSL has SHA-256");
  return found;
}

} // namespace

struct Sha256::State {
  void begin() { ensure(EVP_DigestInit_ex2(context.get(), sha256(), nullptr) == 1, "OpenSSL begins a digest"); }

  std::unique_ptr<EVP_MD_CTX, Freed> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : m_state(std::make_unique<State>())
{
  m_state->begin();
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes)
{
  EVP_DigestUpdate(m_state->context.get(), bytes.data(), bytes.size());
}

std::string Sha256::hex()
{
  return fmt::format("{:02x}", fmt::join(take(), ""));
}

std::array<unsigned char, 32> Sha256::take()
{
  std::array<unsigned char, 32> digest = {};
  ensure(EVP_DigestFinal_ex(m_state->context.get(), digest.data(), nullptr) == 1, "OpenSSL ends a digest");
  m_state->begin();
  return digest;
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
