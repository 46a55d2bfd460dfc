// The Files endpoints, and the files themselves.
//
// In: uploads, streamed to disk as they arrive, and output files of batches. Out: file objects, listings by pages,
// contents, whole or by range. As at the API, a file is not looked into when it is uploaded: what is wrong with its
// lines is found by the batch. A file object is a few hundred bytes in memory; contents are on disk only.
#pragma once

#include <batchwright/emulator/reply.hpp>
#include <batchwright/emulator/setting.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::emulator {

/// Seconds that the API keeps files of the purposes `batch` and `batch_output` unless told otherwise.
inline constexpr std::int64_t batch_file_life = 30LL * 86'400;

struct FileObject {
  using Kind = VanishFiles::File;

  std::string id = {};
  std::string filename = {};
  std::string purpose = {};
  std::uint64_t bytes = 0;
  std::string sha256 = {}; ///< of uploads
  Instant created_at = {};
  std::optional<std::int64_t> expires_after = {}; ///< seconds
  Kind kind = Kind::input;
  std::int64_t number = 0; ///< of the upload, or of the batch whose output it is
  bool answered = true;
  bool deleted = false;
};

class FileStore {
public:
  explicit FileStore(const Setting& setting);

  Reply create(Call& call);
  Reply list(const Call& call) const;
  Reply retrieve(const std::string& id) const;
  Reply content(const Call& call, const std::string& id) const;
  Reply remove(const std::string& id);

  /// The file, unless it was deleted or has expired.
  std::optional<FileObject> find(const std::string& id) const;
  std::filesystem::path path_of(const std::string& id) const;
  /// Takes in an output file whose bytes are already at `path_of(file.id)`. REQUIRED: its kind and number.
  void add(FileObject file);

  /// The members `uploads` and `files` of an open object: what was uploaded, deleted or not.
  void write_ledger(json::Writer& w) const;

private:
  void take_in(FileObject file);
  bool vanished(const FileObject& file, VanishFiles::Part part) const;
  bool gone(const FileObject& file) const;
  bool listed(const FileObject& file, const Call& call) const;
  void write(json::Writer& w, const FileObject& file) const;
  std::string object_of(const FileObject& file) const;

  const Setting& m_setting;
  mutable std::mutex m_mutex;
  std::int64_t m_uploads = 0;
  std::vector<FileObject> m_files = {};             // in order of creation
  std::map<std::string, std::size_t> m_places = {}; // id to index
};

} // namespace batchwright::emulator
