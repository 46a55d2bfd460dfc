// The provider's calls as functions: files, batches, downloads. Comes in: ids and paths. Goes out: what the server
// said, or how certain it is that it did nothing. Knows no store and no job; retries nothing that creates something.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/http/transport.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/wire/objects.hpp>
#include <batchwright/wire/profile.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::api {

/// How a call ended. For calls that create something the difference between the last two decides what happens next.
enum class Ending : std::uint8_t {
  ok,       ///< 2xx and a readable object with an id
  refused,  ///< clean: a 3xx, or a 4xx with a JSON error body other than 408, 409, 425, 499. The server did nothing
  not_sent, ///< clean: name, connect, proxy or TLS failed before the first byte of the request
  unknown,  ///< anything else: timeout, reset, 5xx, an unreadable body. The server may have acted
};

template<class T>
struct Reply {
  Ending ending = Ending::unknown;
  T value = {};              ///< only where ok
  int status = 0;            ///< of the answer, whatever the ending: a 401 with a gateway's page is unknown. 0: none
  wire::ApiError error = {}; ///< as far as the server said; where refused, it said something
  std::string trouble = {};  ///< for people, always set where not ok: "HTTP 400 invalid_value: ..."
  std::optional<Millis> retry_after = {};
  std::optional<Instant> server_time = {}; ///< `Date` of the answer
  std::string request_id = {};

  bool ok() const { return ending == Ending::ok; }
};

struct Downloaded {
  std::uint64_t bytes = 0;
  /// False: the file ends in the middle of a line, and it does so at the server, too: two downloads of a known length
  /// gave the same. The line is for whoever reads the file to deal with.
  bool last_line_whole = true;
};

struct Deleted {};

/// Safe from many threads, as its transports are.
class Client {
public:
  /// All outlive the client. `reads` may retry (GET, DELETE), `writes` must not.
  Client(http::Transport& reads, http::Transport& writes, const wire::Profile& profile);

  /// POST /files with our purpose. Streams from disk. Throws `Fault::storage` where the file cannot be read. Asks that
  /// the file be removed in time; a server that refuses that gets the call again without it, and from then on is not
  /// asked. The same of create_batch and its outputs.
  Reply<wire::FileObject> upload(const std::filesystem::path& path, const std::string& file_name,
                                 const http::OnBytes& on_sent = {});
  /// POST /batches.
  Reply<wire::BatchObject> create_batch(const FileId& input, std::string_view endpoint, const wire::Metadata& metadata);

  Reply<wire::FileObject> file(const FileId& id);
  Reply<wire::BatchObject> batch(const BatchId& id);
  /// The same, and the object as it came into `to`, durably: what a failed batch says of its input. Throws
  /// `Fault::storage`.
  Reply<wire::BatchObject> batch_into(const BatchId& id, const std::filesystem::path& to);
  /// POST /batches/{id}/cancel: repeatable. A 400 or 409 means "already over" and reads the batch.
  Reply<wire::BatchObject> cancel(const BatchId& id);
  /// One page of files of our purpose, newest first, after an id.
  Reply<wire::Page<wire::FileObject>> files(const FileId& after = {});
  /// One page of batches, newest first, after an id.
  Reply<wire::Page<wire::BatchObject>> batches(const BatchId& after = {});
  /// DELETE /files/{id}. A file that is gone already counts as deleted.
  Reply<Deleted> remove(const FileId& id);

  /// GET /files/{id}/content into `to`, durably; packed in frames (base/frames.hpp) where that ends in .zst. Written as
  /// `TO.part`, which this call, when the line breaks, and a later one go on with by `Range` where the server allows it
  /// (206), else from the start. Whole means: as long as announced, as long as the file object's `bytes` where that can
  /// be asked for, and ending in a complete line of JSON; a file of 0 bytes is whole. Where nothing tells a length, the
  /// file is fetched until it comes twice in a row with the same one. Anything else is `unknown`, and `TO.part` stays
  /// for the next call. `on_received` is told the bytes of the file so far, resumed ones included. Throws
  /// `Fault::storage`.
  Reply<Downloaded> download(const FileId& id, const std::filesystem::path& to, const http::OnBytes& on_received = {});

private:
  http::Transport& m_reads;
  http::Transport& m_writes;
  const wire::Profile& m_profile;
  std::atomic<wire::Lapse> m_of_files{wire::Lapse::asked};
  std::atomic<wire::Lapse> m_of_outputs{wire::Lapse::asked};
};

} // namespace batchwright::api
