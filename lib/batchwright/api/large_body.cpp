#include <batchwright/api/large_body.hpp>

namespace batchwright::api {

void BodySpool::write(std::string_view block)
{
  m_size += block.size();
  if (m_size > largest) {
    m_head = *m_told;
    throw TooLarge{};
  }
  if (!m_file && m_size > most_in_memory) {
    m_file.emplace(m_directory);
    m_file->write(m_memory);
    m_memory = {};
  }
  if (m_file) {
    m_file->write(block);
  } else {
    m_memory.append(block);
  }
}

std::string BodySpool::take()
{
  if (!m_file) return std::move(m_memory);
  std::string body(m_size, '\0');
  InputFile from{m_file->path()};
  std::size_t got = 0;
  while (const auto n = from.read(body.data() + got, body.size() - got))
    got += n;
  discard();
  return body;
}

void BodySpool::discard()
{
  m_file.reset();
  m_memory = {};
}

std::shared_ptr<const void> Turns::wait()
{
  const auto me = std::this_thread::get_id();
  std::unique_lock lock{m_state->mutex};
  m_state->given_back.wait(lock, [&] { return m_state->held == 0 || m_state->holder == me; });
  ++m_state->held;
  m_state->holder = me;
  const auto give_back = [state = m_state](const void*) {
    const std::lock_guard held{state->mutex};
    if (--state->held == 0) state->given_back.notify_one();
  };
  return {m_state.get(), give_back};
}

} // namespace batchwright::api
