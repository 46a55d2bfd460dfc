#include <batchwright/emulator/answer_body.hpp>
#include <batchwright/emulator/hash.hpp>

#include <algorithm>

namespace batchwright::emulator {
namespace {

constexpr std::uint64_t announced_too_many = 16;
constexpr std::uint64_t block_size = 1 << 18;
constexpr std::uint64_t drips_a_second = 20;

bool has(const std::optional<HttpFault>& rule, Action action)
{
  return rule && rule->effect.phase != Phase::before_effect && rule->effect.action == action;
}

} // namespace

std::string garbage(std::uint64_t first, std::size_t size)
{
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>(0x80U | (mixed(first + i) & 0x3fU)); // continuation bytes that continue nothing
  return bytes;
}

AnswerBody::AnswerBody(const Reply& reply, const std::optional<HttpFault>& rule)
    : m_reply(reply), m_rule(rule), m_size(reply.file ? reply.file->length : reply.body.size())
{
  if (!reply.file) return;
  m_file.emplace(reply.file->path);
  m_file->seek(reply.file->offset);
}

/// Where the rule's action comes.
std::uint64_t AnswerBody::at_byte() const
{
  if (!m_rule || m_rule->effect.phase == Phase::before_effect) return m_size;
  const bool whole = m_rule->effect.phase == Phase::after_effect && m_rule->effect.action != Action::truncate;
  if (whole) return 0;
  return m_rule->at_byte ? std::min(m_size, static_cast<std::uint64_t>(*m_rule->at_byte)) : m_size / 2;
}

std::uint64_t AnswerBody::announced() const
{
  if (has(m_rule, Action::truncate)) return at_byte();
  return m_size + (has(m_rule, Action::wrong_length) ? announced_too_many : 0);
}

std::uint64_t AnswerBody::stop() const
{
  const bool stops = m_rule && m_rule->effect.phase == Phase::mid_body;
  return stops || has(m_rule, Action::truncate) ? at_byte() : m_size;
}

void AnswerBody::read(char* to, std::size_t size)
{
  if (!m_file) {
    m_reply.body.copy(to, size, static_cast<std::size_t>(m_at));
    return;
  }
  for (std::size_t got = 0; got < size;) {
    const auto n = m_file->read(to + got, size - got);
    if (n == 0) return; // cannot be: the file was there when its length was taken
    got += n;
  }
}

void AnswerBody::spoil(std::string& block) const
{
  const auto from = at_byte();
  if (!has(m_rule, Action::garbage) || m_at + block.size() <= from) return;
  const auto begin = m_at >= from ? 0 : static_cast<std::size_t>(from - m_at);
  block.replace(begin, block.size(), garbage(m_at + begin, block.size() - begin));
}

void AnswerBody::write(std::ostream& out, std::uint64_t end, Pause& pause)
{
  std::string block;
  while (m_at < end && out) {
    block.resize(static_cast<std::size_t>(std::min(end - m_at, block_size)));
    read(block.data(), block.size());
    spoil(block);
    if (has(m_rule, Action::drip) && m_at >= at_byte()) {
      if (!drip(out, block, pause)) return;
    } else {
      out.write(block.data(), static_cast<std::streamsize>(block.size()));
    }
    m_at += block.size();
  }
  out.flush();
}

bool AnswerBody::drip(std::ostream& out, const std::string& block, Pause& pause) const
{
  const auto speed = static_cast<std::uint64_t>(m_rule->bytes_per_second);
  const auto drop = std::max<std::uint64_t>(1, speed / drips_a_second);
  for (std::size_t at = 0; at < block.size() && out; at += drop) {
    out.write(block.data() + at, static_cast<std::streamsize>(std::min<std::size_t>(drop, block.size() - at)));
    out.flush();
    if (!pause.wait(static_cast<std::int64_t>(drop * 1000 / speed))) return false;
  }
  return true;
}

void AnswerBody::write_rest(std::ostream& out, Pause& pause)
{
  if (!has(m_rule, Action::truncate)) write(out, m_size, pause);
}

} // namespace batchwright::emulator
