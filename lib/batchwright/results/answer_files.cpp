#include <batchwright/base/error.hpp>
#include <batchwright/results/answer_files.hpp>

#include <fmt/format.h>

#include <future>
#include <utility>

namespace batchwright::results {
namespace {

constexpr std::uint64_t least_halved = 1 << 20; // bytes

} // namespace

AnswerMemory::Block AnswerMemory::take(std::uint64_t bytes)
{
  if (m_spare.size >= bytes) return std::exchange(m_spare, {});
  m_free += std::exchange(m_spare, {}).size;
  if (bytes > m_free) return {};
  m_free -= bytes;
  return {std::make_unique_for_overwrite<char[]>(bytes), bytes};
}

void AnswerMemory::give_back(Block block)
{
  if (block.size > m_spare.size) std::swap(block, m_spare);
  m_free += block.size;
}

class AnswerFiles::File {
public:
  File(const std::filesystem::path& path, AnswerMemory& memory)
      : m_path(path), m_memory(memory), m_file(path), m_size(m_file.size()), m_whole(memory.take(m_size))
  {
    if (m_whole.size == 0) {
      m_file.read_ahead();
    } else {
      read_whole();
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { m_memory.give_back(std::move(m_whole)); }

  std::string_view line(const Span& place)
  {
    if (place.length > m_size || place.offset > m_size - place.length) throw cut();
    const std::uint64_t before = place.offset > 0 ? 1 : 0; // line ends stand around it
    const std::uint64_t behind = place.offset + place.length < m_size ? 1 : 0;
    const auto around = read(place.offset - before, before + place.length + behind);
    const bool begins = before == 0 || around.front() == '\n';
    const bool ends = behind == 0 || around.back() == '\n' || around.back() == '\r';
    if (!begins || !ends) throw no_line(place.offset);
    return around.substr(before, place.length);
  }

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

  /// REQUIRED: it is in the file.
  std::string_view read(std::uint64_t offset, std::uint64_t size)
  {
    if (m_whole.size > 0) return {m_whole.bytes.get() + offset, size};
    m_line.resize(size);
    if (!m_file.read_at(offset, m_line.data(), m_line.size())) throw cut();
    return m_line;
  }

  Error no_line(std::uint64_t offset) const
  {
    return {Fault::storage,
            fmt::format("reading {}: no line begins at byte {} as when it was settled", m_path.native(), offset)};
  }

  Error cut() const
  {
    return {Fault::storage, fmt::format("reading {}: it is shorter than when it was settled", m_path.native())};
  }

  std::filesystem::path m_path;
  AnswerMemory& m_memory;
  InputFile m_file;
  std::uint64_t m_size;
  AnswerMemory::Block m_whole; // empty: lines are read one by one
  std::string m_line = {};
};

AnswerFiles::AnswerFiles(std::vector<std::filesystem::path> paths, AnswerMemory& memory)
    : m_paths(std::move(paths)), m_memory(memory), m_files(m_paths.size())
{
}

AnswerFiles::~AnswerFiles() = default;

std::string_view AnswerFiles::line(const Span& place)
{
  if (place.source >= m_files.size())
    throw Error{Fault::storage, fmt::format("an outcome refers to a file {} that is not named", place.source)};
  auto& file = m_files[place.source];
  if (!file) file = std::make_unique<File>(m_paths[place.source], m_memory);
  return file->line(place);
}

} // namespace batchwright::results
