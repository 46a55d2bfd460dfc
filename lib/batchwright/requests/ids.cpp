#include <batchwright/requests/ids.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace batchwright::requests {
namespace {

constexpr std::uint64_t c1 = 0x87c37b91114253d5;
constexpr std::uint64_t c2 = 0x4cf5ad432745937f;

std::uint64_t finish(std::uint64_t h)
{
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

} // namespace

// MurmurHash3's mixing (Austin Appleby, public domain), the tail padded with zeros: the length is mixed in at the end.
IdHash hash_of(std::string_view id)
{
  std::uint64_t h1 = 0;
  std::uint64_t h2 = 0;
  for (std::size_t at = 0; at < id.size(); at += 16) {
    std::uint64_t k[2] = {0, 0};
    std::memcpy(k, id.data() + at, std::min<std::size_t>(16, id.size() - at));
    h1 ^= std::rotl(k[0] * c1, 31) * c2;
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= std::rotl(k[1] * c2, 33) * c1;
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  h1 ^= id.size();
  h2 ^= id.size();
  h1 += h2;
  h2 += h1;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 += h2;
  h2 += h1;
  return {h1, h2};
}

std::size_t IdHashes::keep_repeated()
{
  std::sort(m_hashes.begin(), m_hashes.end());
  auto kept = m_hashes.begin();
  for (auto at = m_hashes.begin(); at != m_hashes.end();) {
    const auto next = std::find_if(at, m_hashes.end(), [&](const IdHash& h) { return h != *at; });
    const auto times = next - at;
    if (times > 1) *kept++ = *at;
    at = next;
  }
  m_hashes.erase(kept, m_hashes.end());
  return m_hashes.size();
}

bool IdHashes::contains(IdHash hash) const
{
  return std::binary_search(m_hashes.begin(), m_hashes.end(), hash);
}

} // namespace batchwright::requests
