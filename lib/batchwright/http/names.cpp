#include <batchwright/http/names.hpp>

namespace batchwright::http {

Names::Found Names::find()
{
  std::shared_future<Addresses> addresses;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock{m_mutex};
    const auto now = m_now();
    if (!m_addresses.valid() || now - m_since > kept) {
      // Deferred: whoever asks first looks up, without the lock.
      m_addresses = std::async(std::launch::deferred, [this] { return m_lookup(m_host); }).share();
      m_since = now;
      ++m_number;
    }
    addresses = m_addresses;
    number = m_number;
  }
  try {
    return {addresses.get(), number};
  } catch (const Broken&) {
    forget(number);
    throw;
  }
}

void Names::forget(std::uint64_t lookup)
{
  const std::lock_guard lock{m_mutex};
  if (lookup == m_number) m_addresses = {};
}

} // namespace batchwright::http
