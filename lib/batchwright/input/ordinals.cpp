#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace batchwright::input {
namespace {

constexpr std::string_view magic = "bw-ords\n";
constexpr std::size_t trailer_size = 8;
constexpr std::size_t block_size = 1 << 16;

} // namespace

struct OrdinalWriter::State {
  explicit State(const std::filesystem::path& path) : file(path) {}

  AtomicFile file;
  Ordinal next = 0; // the lowest that may come
  std::uint64_t count = 0;
};

OrdinalWriter::OrdinalWriter(const std::filesystem::path& path) : m_state(std::make_unique<State>(path))
{
  m_state->file.write(magic);
}

OrdinalWriter::OrdinalWriter(OrdinalWriter&&) noexcept = default;
OrdinalWriter& OrdinalWriter::operator=(OrdinalWriter&&) noexcept = default;
OrdinalWriter::~OrdinalWriter() = default;

void OrdinalWriter::add(Ordinal ordinal)
{
  auto& s = *m_state;
  ensure(ordinal >= s.next, "ordinals of a list ascend");
  auto distance = ordinal - s.next + 1;
  s.next = ordinal + 1;
  ++s.count;
  std::string bytes;
  for (; distance >= 0x80; distance >>= 7)
    bytes += static_cast<char>((distance & 0x7f) | 0x80);
  bytes += static_cast<char>(distance);
  s.file.write(bytes);
}

void OrdinalWriter::commit()
{
  std::string bytes;
  for (std::size_t i = 0; i < trailer_size; ++i)
    bytes += static_cast<char>((m_state->count >> (8 * i)) & 0xff);
  m_state->file.write(bytes);
  m_state->file.commit();
}

// ---------------------------------------------------------------------------------------------------------------------

struct Ordinals::ListFile {
  explicit ListFile(const std::filesystem::path& place) : path(place), file(place)
  {
    const auto size = file.size();
    demand(size >= magic.size() + trailer_size);
    unread = size - trailer_size;
    file.seek(unread);
    for (std::size_t i = 0; i < trailer_size; ++i)
      left |= std::uint64_t{byte()} << (8 * i);
    file.seek(0);
    buffer.clear();
    at = 0;
    for (const char c : magic)
      demand(list_byte() == static_cast<unsigned char>(c));
  }

  void demand(bool whole) const
  {
    if (whole) return;
    throw Error{Fault::storage, fmt::format("reading {}: it is not a whole list of ordinals", path.native())};
  }

  unsigned char byte()
  {
    if (at == buffer.size()) {
      buffer.resize(block_size);
      buffer.resize(file.read(buffer.data(), buffer.size()));
      at = 0;
      demand(!buffer.empty());
    }
    return static_cast<unsigned char>(buffer[at++]);
  }

  unsigned char list_byte()
  {
    demand(unread > 0);
    --unread;
    return byte();
  }

  std::uint64_t distance()
  {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto b = list_byte();
      n |= std::uint64_t{b & 0x7fu} << shift;
      if (b < 0x80) {
        demand(n > 0);
        return n;
      }
    }
    demand(false);
    return 0;
  }

  std::filesystem::path path;
  InputFile file;
  std::string buffer = {};
  std::size_t at = 0;
  std::uint64_t unread = 0; // bytes of the list
  std::uint64_t left = 0;   // ordinals to come
};

Ordinals::Ordinals(const Part& part, const std::filesystem::path& list)
    : m_next(part.has_list() ? 0 : part.first),
      m_last(part.last),
      m_list(part.has_list() ? std::make_unique<ListFile>(list) : nullptr)
{
  if (m_list) {
    if (m_list->left != part.items) {
      throw Error{Fault::storage, fmt::format("reading {}: it lists {} items, part {} has {}", list.native(),
                                              m_list->left, part.number, part.items)};
    }
  } else {
    ensure(part.items == part.last - part.first + 1, "a part without a list holds a range");
  }
}

Ordinals::Ordinals(const std::filesystem::path& list) : m_next(0), m_last(0), m_list(std::make_unique<ListFile>(list))
{
}

Ordinals::Ordinals(Ordinals&&) noexcept = default;
Ordinals& Ordinals::operator=(Ordinals&&) noexcept = default;
Ordinals::~Ordinals() = default;

std::optional<Ordinal> Ordinals::next()
{
  if (!m_list) return m_next <= m_last ? std::optional{m_next++} : std::nullopt;
  if (m_list->left == 0) {
    m_list->demand(m_list->unread == 0);
    return std::nullopt;
  }
  --m_list->left;
  m_next += m_list->distance();
  return m_next - 1;
}

} // namespace batchwright::input
