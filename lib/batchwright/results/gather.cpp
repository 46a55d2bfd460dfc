#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/results/gather.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <string>
#include <tuple>

namespace batchwright::results {
namespace {

/// Partitions written at once; what is beyond them takes one more reading of the sources.
constexpr std::size_t most_open = 32;

/// Neighbours in the order asked for.
struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint64_t bytes = 0;
};

/// Cuts what is wanted into runs of at most `limit` bytes; a line above it makes a run of its own.
std::vector<Run> cut(const std::vector<Span>& wanted, std::uint64_t limit)
{
  std::vector<Run> runs{{}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (runs.back().bytes > 0 && runs.back().bytes + wanted[i].length > limit) runs.push_back({i, i, 0});
    runs.back().end = i + 1;
    runs.back().bytes += wanted[i].length;
  }
  return runs;
}

/// The wanted lines between `begin` and `end`, in the order in which they stand in the sources.
void read_lines(const std::vector<std::filesystem::path>& sources, const std::vector<Span>& wanted, std::size_t begin,
                std::size_t end, const Give& take)
{
  std::vector<std::size_t> order;
  for (auto i = begin; i < end; ++i)
    if (wanted[i].length > 0) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(wanted[a].source, wanted[a].offset) < std::tie(wanted[b].source, wanted[b].offset);
  });

  auto next = order.begin();
  for (std::size_t source = 0; source < sources.size() && next != order.end(); ++source) {
    if (wanted[*next].source != source) continue;
    LineReader lines{sources[source], wanted[*next].offset};
    while (next != order.end() && wanted[*next].source == source) {
      const auto line = lines.next();
      ensure(line && line->offset <= wanted[*next].offset, "a wanted line begins where a line begins");
      if (line->offset != wanted[*next].offset) continue;
      const auto is_here = [&](std::size_t i) {
        return wanted[i].source == source && wanted[i].offset == line->offset;
      };
      for (; next != order.end() && is_here(*next); ++next) {
        ensure(line->text.size() >= wanted[*next].length, "a wanted line is as long as it was");
        take(*next, line->text.substr(0, wanted[*next].length));
      }
    }
  }
}

/// A run's lines, one after the other as they came, and where each begins.
class Shelf {
public:
  Shelf(const std::vector<Span>& wanted, const Run& run) : m_wanted(wanted), m_run(run), m_begins(run.end - run.begin)
  {
  }

  void put(std::size_t index, std::uint64_t at) { m_begins[index - m_run.begin] = at; }

  void give_out(std::string_view bytes, const Give& give) const
  {
    for (auto i = m_run.begin; i < m_run.end; ++i)
      give(i, bytes.substr(m_begins[i - m_run.begin], m_wanted[i].length));
  }

private:
  const std::vector<Span>& m_wanted;
  Run m_run;
  std::vector<std::uint64_t> m_begins;
};

void read_whole(const std::filesystem::path& path, std::string& bytes)
{
  InputFile file{path};
  bytes.resize(file.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = file.read(bytes.data() + at, bytes.size() - at);
    if (n == 0) throw Error{Fault::storage, fmt::format("reading {}: it became shorter", path.native())};
    at += n;
  }
}

/// One run in a temporary file.
struct Partition {
  Partition(const std::vector<Span>& wanted, const Run& run, std::filesystem::path place)
      : shelf(wanted, run), path(std::move(place)), file(path, AtomicFile::Durable::no)
  {
  }

  Shelf shelf;
  std::filesystem::path path;
  AtomicFile file;
};

void gather_by_partitions(const std::vector<std::filesystem::path>& sources, const std::vector<Span>& wanted,
                          const std::vector<Run>& runs, const std::filesystem::path& beside, const Give& give)
{
  const TemporaryDirectory scratch{beside, "sort"};
  std::string bytes;
  bytes.reserve(std::max_element(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
                  return a.bytes < b.bytes;
                })->bytes); // once: a string that grows holds its bytes twice
  for (std::size_t first = 0; first < runs.size(); first += most_open) {
    const auto last = std::min(first + most_open, runs.size());
    std::deque<Partition> partitions;
    for (auto i = first; i < last; ++i)
      partitions.emplace_back(wanted, runs[i], scratch.path() / std::to_string(i));

    read_lines(sources, wanted, runs[first].begin, runs[last - 1].end, [&](std::size_t index, std::string_view line) {
      const auto run =
          std::upper_bound(runs.begin(), runs.end(), index, [](std::size_t i, const Run& r) { return i < r.begin; });
      auto& to = partitions[static_cast<std::size_t>(run - runs.begin()) - 1 - first];
      to.shelf.put(index, to.file.size());
      to.file.write(line);
    });

    for (; !partitions.empty(); partitions.pop_front()) {
      auto& partition = partitions.front();
      partition.file.commit();
      read_whole(partition.path, bytes);
      partition.shelf.give_out(bytes, give);
      discard_file(partition.path);
    }
  }
}

} // namespace

void gather(const std::vector<std::filesystem::path>& sources, const std::vector<Span>& wanted,
            const std::filesystem::path& beside, std::uint64_t memory, const Give& give)
{
  const auto total = std::accumulate(wanted.begin(), wanted.end(), std::uint64_t{0},
                                     [](std::uint64_t sum, const Span& s) { return sum + s.length; });
  if (total > memory) {
    // Half of the memory for the lines of a run, half for the blocks of the open partitions.
    return gather_by_partitions(sources, wanted, cut(wanted, memory / 2), beside, give);
  }
  Shelf shelf{wanted, {0, wanted.size(), total}};
  std::string bytes;
  bytes.reserve(total);
  read_lines(sources, wanted, 0, wanted.size(), [&](std::size_t index, std::string_view line) {
    shelf.put(index, bytes.size());
    bytes.append(line);
  });
  shelf.give_out(bytes, give);
}

} // namespace batchwright::results
