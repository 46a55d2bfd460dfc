// The control plane's objects: files, batches, listings, errors. Text in, values out, no I/O.
// Absent, null and unknown members are normal: the API adds fields without notice and leaves out others.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/wire/profile.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batchwright::wire {

using Metadata = std::map<std::string, std::string>;

/// An error as the API words it: `{"error":{"message","type","param","code"}}`. Members may be missing or null.
struct ApiError {
  std::string code = {};
  std::string type = {};
  std::string message = {};
  std::string param = {};
};

struct FileObject {
  FileId id = {};
  std::uint64_t bytes = 0;
  std::string filename = {};
  std::string purpose = {};
  std::optional<Instant> created_at = {};
  std::optional<Instant> expires_at = {};
};

/// One entry of a failed batch's `errors.data`.
struct BatchError {
  std::string code = {};
  std::string message = {};
  std::optional<std::int64_t> line = {}; ///< 1-based line of the input file
};

struct BatchObject {
  BatchId id = {};
  std::string status = {};
  std::string endpoint = {};
  std::string model = {}; ///< empty: not told, as by older servers
  FileId input_file = {};
  FileId output_file = {}; ///< empty where the server gave none, null or ""
  FileId error_file = {};
  std::int64_t total = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::optional<Instant> created_at = {};
  std::optional<Instant> ended_at = {}; ///< whichever of completed, failed, expired, cancelled is set
  Metadata metadata = {};
  std::vector<BatchError> errors = {};
};

template<class T>
struct Page {
  std::vector<T> data = {};
  std::optional<bool> has_more = {}; ///< missing at some compatible servers: then go on until a page is empty
};

// None of these throws. Nothing comes back where the text is no such object, has no id, or holds what Poco::JSON cannot
// hold (an integer beyond 64 bits, half a surrogate pair): the caller treats that as an unreadable answer. Members that
// are missing, null, "" or of another type count as not given; whole numbers may come as 1.0.

std::optional<FileObject> parse_file(std::string_view json);
std::optional<BatchObject> parse_batch(std::string_view json);
/// A page with one object that cannot be read is no page: what a listing does not show is taken as absent and may be
/// sent again, so a listing is either whole or not there.
std::optional<Page<FileObject>> parse_files(std::string_view json, const Profile& profile = openai());
std::optional<Page<BatchObject>> parse_batches(std::string_view json, const Profile& profile = openai());
/// The error in an API error body; nothing where the text is none (HTML of a gateway, an empty body).
std::optional<ApiError> parse_error(std::string_view json);

/// Whether a call asks that what it makes is removed at the server after the profile's `file_life`.
enum class Lapse : std::uint8_t {
  asked,
  unsaid
};

/// The form fields of POST /files that stand before the file.
std::vector<std::pair<std::string, std::string>> upload_fields(const Profile& profile, Lapse lapse = Lapse::asked);
/// The body of POST /batches. Throws `Fault::bug` for metadata beyond the profile's limits.
std::string create_batch_body(const Profile& profile, const FileId& input, std::string_view endpoint,
                              const Metadata& metadata, Lapse lapse = Lapse::asked);
/// Whether an answer refuses to remove anything by itself: a 400 (of some servers 422) that names the field.
bool refuses_lapse(int status, std::string_view body);

/// What is kept of a failed batch, as an object that parse_batch() reads: its id, status and errors.
std::string failed_batch(const BatchObject& batch);

/// What a failed batch means for its requests.
enum class Refusal : std::uint8_t {
  no_room,      ///< the queue was full: the same file may be sent again later
  lost_file,    ///< the input file is gone or cannot be read: it is uploaded again
  bad_lines,    ///< lines are refused by their numbers; the others may go on without them
  server_fault, ///< no reason was given, or one of the server's own: it may go better another time
  for_good      ///< every request of the file is refused
};

/// By the codes and, where they are not known, the words of a failed batch's `errors.data`.
Refusal refusal_of(const std::vector<BatchError>& errors);

/// Whether a failed batch, or a refusal of its creation, means "no room in the queue now": the same file may be sent
/// again later. By code, else by the words of the message.
bool means_no_room(std::string_view code, std::string_view message);
/// The limit such a message names ("Limit: 1,000,000 enqueued tokens"); nothing where it names none.
std::optional<std::int64_t> named_limit(std::string_view message);
/// Whether that limit is one of requests, as there is for embeddings, and not of tokens.
bool limits_requests(std::string_view message);
/// Whether a failed batch means that its input file is gone or cannot be read: it is uploaded again.
bool means_lost_file(std::string_view code, std::string_view message);

} // namespace batchwright::wire
