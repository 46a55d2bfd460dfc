#include <batchwright/requests/assembler.hpp>
#include <batchwright/wire/endpoint.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace batchwright::requests {
namespace {

/// How many bytes a pack's line has beside its inputs.
std::uint64_t overhead(const LineMaker& maker)
{
  std::string line;
  LineTexts texts;
  maker.append_pack(line, pack_custom_id(std::numeric_limits<Ordinal>::max(), wire::bytes_per_pack), "", texts);
  return line.size();
}

std::uint64_t room_for_inputs(const LineMaker& maker, std::uint64_t bytes_per_line)
{
  const auto taken = overhead(maker);
  return std::min(wire::bytes_per_pack, bytes_per_line > taken ? bytes_per_line - taken : 0);
}

} // namespace

Assembler::Assembler(const LineMaker& maker, std::uint64_t inputs_per_request, std::uint64_t bytes_per_line)
    : m_maker(maker),
      m_most_items(inputs_per_request),
      m_most_bytes(inputs_per_request > 1 ? room_for_inputs(maker, bytes_per_line) : 0)
{
}

const Request* Assembler::take(const input::Item& item)
{
  if (m_most_items == 1) {
    m_done.line.clear();
    m_maker.append(m_done.line, item, m_done.texts);
    m_done.mark = item.mark;
    m_done.last = item.mark.ordinal;
    m_done.items = 1;
    return &m_done;
  }

  m_input.clear();
  m_maker.append_input(m_input, item);
  const bool goes_alone = m_input.size() > wire::bytes_surely_one_input;
  const bool fits =
      m_open.items < m_most_items && m_inputs.size() + 1 + m_input.size() <= m_most_bytes && !goes_alone && !m_alone;
  const bool completes = m_open.items > 0 && !fits;
  if (completes) close();
  m_alone = goes_alone;
  if (m_open.items == 0) {
    m_open.mark = item.mark;
  } else {
    m_inputs += ',';
  }
  m_inputs += m_input;
  m_open.last = item.mark.ordinal;
  ++m_open.items;
  return completes ? &m_done : nullptr;
}

const Request* Assembler::finish()
{
  if (m_open.items == 0) return nullptr;
  close();
  return &m_done;
}

void Assembler::close()
{
  std::swap(m_done, m_open);
  m_done.line.clear();
  m_maker.append_pack(m_done.line, pack_custom_id(m_done.mark.ordinal, m_done.items), m_inputs, m_done.texts);
  m_inputs.clear();
  m_open.items = 0;
}

} // namespace batchwright::requests
