// Lines of the server's as they came, read where outcomes say that they stand.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/results/gather.hpp>

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {

/// Memory for whole files, shared by all that read side by side.
class AnswerMemory {
public:
  struct Block {
    std::unique_ptr<char[]> bytes = {};
    std::uint64_t size = 0; ///< 0: there was no room
  };

  /// Who holds pieces of a file that can be read again.
  class Holder {
  public:
    Holder() = default;
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    virtual ~Holder() = default;

    /// Gives a piece up.
    virtual Block release(std::size_t piece) = 0;
  };

  /// Which piece of whose.
  struct Piece {
    Holder* holder = nullptr;
    std::size_t number = 0;
  };
  using Turn = std::list<Piece>::iterator;

  explicit AnswerMemory(std::uint64_t bytes) : m_free(bytes) {}

  /// Room for so many bytes, where there is as much.
  Block take(std::uint64_t bytes);
  /// The same for a piece, for which others that were not used for longest are given up.
  Block take_for_piece(std::uint64_t bytes);
  void give_back(Block block);

  /// A piece is held from now on, and used.
  Turn hold(const Piece& piece) { return m_pieces.insert(m_pieces.end(), piece); }
  void use(Turn turn) { m_pieces.splice(m_pieces.end(), m_pieces, turn); }
  void let_go(Turn turn) { m_pieces.erase(turn); }

private:
  std::uint64_t m_free;
  Block m_spare = {};             // not used: the system takes its time to make room anew
  std::list<Piece> m_pieces = {}; // the one that was used last at the end
};

/// How many bytes of answers a walk holds.
inline constexpr std::uint64_t answer_memory = std::uint64_t{96} * 1024 * 1024;

/// The files that a part's outcomes refer to. What there is room for is read whole, front to back, when its first line
/// is asked for: lines stand in another order than they are wanted in, and a disk that seeks for each is slow. Of
/// larger files each line is read by itself; they are so large by their lines, or hold them in order. Packed files are
/// unpacked frame by frame, of which as many are held as there is room for.
class AnswerFiles {
public:
  AnswerFiles(std::vector<std::filesystem::path> paths, AnswerMemory& memory);
  AnswerFiles(const AnswerFiles&) = delete;
  AnswerFiles& operator=(const AnswerFiles&) = delete;
  ~AnswerFiles();

  const std::vector<std::filesystem::path>& paths() const { return m_paths; }

  /// The line at a place; valid until the next call. Throws `Fault::storage` where the file cannot be read or has no
  /// such place.
  std::string_view line(const Span& place);

  class File;

private:
  std::unique_ptr<File> open(const std::filesystem::path& path);

  std::vector<std::filesystem::path> m_paths;
  AnswerMemory& m_memory;
  std::vector<std::unique_ptr<File>> m_files; // null until a line of it is asked for
};

} // namespace batchwright::results
