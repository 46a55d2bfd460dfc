#include <batchwright/base/error.hpp>
#include <batchwright/base/frames.hpp>
#include <batchwright/base/unpack.hpp>
#include <batchwright/results/answer_files.hpp>

#include <fmt/format.h>

#include <future>
#include <optional>
#include <utility>

namespace batchwright::results {
namespace {

constexpr std::uint64_t least_halved = 1 << 20; // bytes

} // namespace

AnswerMemory::Block AnswerMemory::take(std::uint64_t bytes)
{
  if (bytes == 0) return {};
  if (m_spare.size >= bytes && m_spare.size / 2 <= bytes) return std::exchange(m_spare, {});
  m_free += std::exchange(m_spare, {}).size;
  if (bytes > m_free) return {};
  m_free -= bytes;
  return {std::make_unique_for_overwrite<char[]>(bytes), bytes};
}

AnswerMemory::Block AnswerMemory::take_for_piece(std::uint64_t bytes)
{
  auto block = take(bytes);
  while (block.size == 0 && !m_pieces.empty()) {
    const auto oldest = m_pieces.front();
    m_pieces.pop_front();
    give_back(oldest.holder->release(oldest.number));
    block = take(bytes);
  }
  return block;
}

void AnswerMemory::give_back(Block block)
{
  if (block.size > m_spare.size) std::swap(block, m_spare);
  m_free += block.size;
}

/// The bytes of one file, read by pieces.
class AnswerFiles::File {
public:
  explicit File(std::filesystem::path path) : m_path(std::move(path)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  std::string_view line(const Span& place)
  {
    const auto size = this->size();
    if (place.length > size || place.offset > size - place.length) throw cut();
    const std::uint64_t before = place.offset > 0 ? 1 : 0; // line ends stand around it
    const std::uint64_t behind = place.offset + place.length < size ? 1 : 0;
    const auto around = read(place.offset - before, before + place.length + behind);
    const bool begins = before == 0 || around.front() == '\n';
    const bool ends = behind == 0 || around.back() == '\n' || around.back() == '\r';
    if (!begins || !ends) throw no_line(place.offset);
    return around.substr(before, place.length);
  }

protected:
  virtual std::uint64_t size() const = 0;
  /// REQUIRED: it is in the file.
  virtual std::string_view read(std::uint64_t offset, std::uint64_t size) = 0;

  Error cut() const
  {
    return {Fault::storage, fmt::format("reading {}: it is shorter than when it was settled", m_path.native())};
  }

private:
  Error no_line(std::uint64_t offset) const
  {
    return {Fault::storage,
            fmt::format("reading {}: no line begins at byte {} as when it was settled", m_path.native(), offset)};
  }

  std::filesystem::path m_path;
};

namespace {

/// Held whole, or read line by line.
class PlainFile final : public AnswerFiles::File {
public:
  PlainFile(const std::filesystem::path& path, AnswerMemory& memory)
      : File(path), m_memory(memory), m_file(path), m_size(m_file.size()), m_whole(memory.take(m_size))
  {
    if (m_whole.size == 0) {
      m_file.read_ahead();
    } else {
      try {
        read_whole();
      } catch (...) {
        memory.give_back(std::move(m_whole));
        throw;
      }
    }
  }
  ~PlainFile() override { m_memory.give_back(std::move(m_whole)); }

private:
  /// Half of it on another thread: what makes records of its lines waits for this one.
  void read_whole()
  {
    const auto half = m_size / 2;
    const auto read_half = [this](std::uint64_t begin, std::uint64_t end) {
      if (!m_file.read_at(begin, m_whole.bytes.get() + begin, end - begin)) throw cut();
    };
    auto other = std::async(m_size < least_halved ? std::launch::deferred : std::launch::async | std::launch::deferred,
                            read_half, half, m_size);
    read_half(0, half);
    other.get();
  }

  std::uint64_t size() const override { return m_size; }

  std::string_view read(std::uint64_t offset, std::uint64_t size) override
  {
    if (m_whole.size > 0) return {m_whole.bytes.get() + offset, size};
    m_line.resize(size);
    if (!m_file.read_at(offset, m_line.data(), m_line.size())) throw cut();
    return m_line;
  }

  AnswerMemory& m_memory;
  InputFile m_file;
  std::uint64_t m_size;
  AnswerMemory::Block m_whole; // empty: lines are read one by one
  std::string m_line = {};
};

/// Unpacked frame by frame: as many are held as there is room for, those that were used last.
class PackedFile final : public AnswerFiles::File, public AnswerMemory::Holder {
public:
  PackedFile(const std::filesystem::path& path, AnswerMemory& memory)
      : File(path), m_memory(memory), m_file(path), m_held(m_file.frames().size())
  {
  }
  ~PackedFile() override
  {
    for (auto& held : m_held) {
      if (held.block.size == 0) continue;
      m_memory.let_go(held.turn);
      m_memory.give_back(std::move(held.block));
    }
  }

  AnswerMemory::Block release(std::size_t frame) override { return std::exchange(m_held[frame].block, {}); }

private:
  /// A frame, where it is held.
  struct Held {
    AnswerMemory::Block block = {}; // empty: it is not
    AnswerMemory::Turn turn = {};
  };

  std::uint64_t size() const override { return m_file.size(); }

  std::string_view read(std::uint64_t offset, std::uint64_t size) override
  {
    if (size == 0) return {};
    const auto first = m_file.frame_at(offset);
    const auto begin = offset - m_file.frames()[first].offset;
    if (begin + size <= m_file.frames()[first].size) return frame(first).substr(begin, size);
    m_line.clear();
    for (auto number = first; m_line.size() < size; ++number) {
      const auto from = number == first ? begin : 0;
      m_line.append(frame(number).substr(from, size - m_line.size()));
    }
    return m_line;
  }

  /// Valid until the next call.
  std::string_view frame(std::size_t number)
  {
    auto& held = m_held[number];
    const auto size = m_file.frames()[number].size;
    if (held.block.size > 0) {
      m_memory.use(held.turn);
      return {held.block.bytes.get(), size};
    }
    held.block = m_memory.take_for_piece(frame_size);
    if (held.block.size == 0) return unheld(number);
    try {
      m_file.unpack(number, held.block.bytes.get());
    } catch (...) {
      m_memory.give_back(std::exchange(held.block, {}));
      throw;
    }
    held.turn = m_memory.hold({this, number});
    return {held.block.bytes.get(), size};
  }

  /// One that there is no room for, and which takes the place of the last such.
  std::string_view unheld(std::size_t number)
  {
    if (m_unheld_number != number) {
      m_unheld_number.reset();
      m_unheld.resize(frame_size);
      m_file.unpack(number, m_unheld.data());
      m_unheld_number = number;
    }
    return std::string_view{m_unheld}.substr(0, m_file.frames()[number].size);
  }

  AnswerMemory& m_memory;
  FramedFile m_file;
  std::vector<Held> m_held;
  std::string m_unheld = {};
  std::optional<std::size_t> m_unheld_number = {};
  std::string m_line = {};
};

} // namespace

AnswerFiles::AnswerFiles(std::vector<std::filesystem::path> paths, AnswerMemory& memory)
    : m_paths(std::move(paths)), m_memory(memory), m_files(m_paths.size())
{
}

AnswerFiles::~AnswerFiles() = default;

std::unique_ptr<AnswerFiles::File> AnswerFiles::open(const std::filesystem::path& path)
{
  if (is_packed(path.native())) return std::make_unique<PackedFile>(path, m_memory);
  return std::make_unique<PlainFile>(path, m_memory);
}

std::string_view AnswerFiles::line(const Span& place)
{
  if (place.source >= m_files.size())
    throw Error{Fault::storage, fmt::format("an outcome refers to a file {} that is not named", place.source)};
  auto& file = m_files[place.source];
  if (!file) file = open(m_paths[place.source]);
  return file->line(place);
}

} // namespace batchwright::results
