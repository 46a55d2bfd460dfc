// What an item asks, in few bytes: items of one job or of two that ask the same have the same digest. Comes in: the url
// and the body as they stand in a request line; the custom_id is no part of it. Of packed requests an item's body is
// the one that would hold it alone.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/requests/requests.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::requests {

/// The first bytes of the SHA-256 of the url, NUL, and the body.
struct Digest {
  std::array<unsigned char, 16> bytes = {};

  auto operator<=>(const Digest&) const = default;
};

/// Makes digests, one after the other.
class Digester {
public:
  Digest of(std::string_view url, std::string_view body);

private:
  Sha256 m_sha = {};
};

/// Writes a file of digests, durably: it is there, whole, after commit(), else not at all. Throws `Fault::disk`.
class DigestWriter {
public:
  explicit DigestWriter(const std::filesystem::path& path) : m_file(path) {}

  void add(const Digest& digest);
  void commit() { m_file.commit(); }

private:
  AtomicFile m_file;
};

/// What the items of a part asked, with their ordinals, in their order. Memory: a block.
class DigestReader {
public:
  /// `list` as of input::Ordinals. Throws `Fault::storage` where the files cannot be read, or do not go together.
  DigestReader(const Part& part, const std::filesystem::path& list, const std::filesystem::path& digests);

  struct Entry {
    Ordinal ordinal = 0;
    Digest digest = {};
  };
  std::optional<Entry> next();

private:
  input::Ordinals m_ordinals;
  InputFile m_file;
  std::string m_buffer = {};
  std::size_t m_at = 0;
};

/// What all items of a job ask.
struct AskedItems {
  /// What parts are divided by where the requests are ready-made: their file, their model, their endpoint. Else there
  /// is one kind, which names neither.
  struct Kind {
    Mark mark = {}; ///< at or before its first item
    std::string model = {};
    std::string endpoint = {};
  };

  std::vector<Digest> digests = {};        ///< by ordinal
  std::vector<bool> urgent = {};           ///< by ordinal; empty: nothing is urgent
  std::vector<std::uint32_t> kind_of = {}; ///< by ordinal; empty: all are of the first
  std::vector<Kind> kinds = {Kind{}};

  std::size_t kind(Ordinal ordinal) const { return kind_of.empty() ? 0 : kind_of[ordinal]; }
};

/// Reads all of the input once and makes every line. Memory: 16 bytes an item, four more where requests are ready-made.
/// Throws as plan() for bad records; bad ones that may be put aside have no ordinal.
AskedItems read_asked(const Job& job, const OnRead& on_read = {});

/// Writes the user's ids of listed items, one JSON string a line in their order, durably. `mark` stands at or before
/// the first of them. Throws as build().
void write_ids(const Job& job, const Mark& mark, const std::vector<Ordinal>& items, const std::filesystem::path& path);

} // namespace batchwright::requests
