#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/emulator/file_store.hpp>
#include <batchwright/emulator/multipart.hpp>
#include <batchwright/emulator/page.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace batchwright::emulator {
namespace {

constexpr std::uint64_t largest_file = 512ULL << 20;
constexpr std::size_t longest_field = 1024;
constexpr int most_parts = 32;
constexpr std::array known_fields{"purpose", "expires_after[anchor]", "expires_after[seconds]"};

/// What an upload's form said.
struct Form {
  std::map<std::string, std::string> fields = {}; ///< the known ones
  int parts = 0;
  std::optional<std::string> filename = {};
  std::uint64_t bytes = 0;
  std::string sha256 = {};
};

Reply no_such_file(const std::string& id)
{
  return error_reply(404, fmt::format("No such File object: {}", id), {.param = "id"});
}

Reply bad_field(const std::string& name, std::string_view expected)
{
  return error_reply(400, fmt::format("Invalid value for '{}': expected {}.", name, expected),
                     {.param = name, .code = "invalid_value"});
}

/// Writes the part to `file`, keeping only its length and digest. What is beyond the largest file is counted, not
/// written.
void store_part(MultipartReader& reader, AtomicFile& file, Form& form)
{
  Sha256 sha;
  for (auto bytes = reader.read(); !bytes.empty(); bytes = reader.read()) {
    form.bytes += bytes.size();
    if (form.bytes > largest_file) continue;
    sha.update(bytes);
    file.write(bytes);
  }
  form.sha256 = sha.hex();
}

void read_field(MultipartReader& reader, std::string& field)
{
  for (auto bytes = reader.read(); !bytes.empty(); bytes = reader.read())
    field.append(bytes.substr(0, longest_field - std::min(longest_field, field.size())));
}

Form read_form(MultipartReader& reader, AtomicFile& file)
{
  Form form;
  while (const auto part = reader.next()) {
    ++form.parts;
    if (part->name == "file" && part->filename && !form.filename) {
      form.filename = part->filename;
      store_part(reader, file, form);
    } else if (std::find(known_fields.begin(), known_fields.end(), part->name) != known_fields.end()) {
      read_field(reader, form.fields[part->name]);
    }
  }
  return form;
}

std::optional<Reply> refusal_of(const Form& form)
{
  constexpr std::array purposes{"assistants", "batch", "fine-tune", "vision", "user_data", "evals"};
  const auto purpose = form.fields.find("purpose");
  if (form.parts > most_parts) return error_reply(400, fmt::format("The form has more than {} parts.", most_parts));
  if (!form.filename) return missing_parameter("file");
  if (!json::is_utf8(*form.filename)) return bad_field("file", "a filename in UTF-8");
  if (purpose == form.fields.end()) return missing_parameter("purpose");
  if (std::find(purposes.begin(), purposes.end(), purpose->second) == purposes.end())
    return bad_field("purpose", "one of 'assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'");
  if (purpose->second == "batch" && !form.filename->ends_with(".jsonl"))
    return error_reply(400, "Invalid file format for Batch API. Must be .jsonl");
  if (form.bytes == 0) return error_reply(400, "The file you uploaded is empty.", {.param = "file"});
  if (form.bytes > largest_file) return error_reply(413, "The file is larger than the maximum of 512 MB.");
  const auto anchor = form.fields.find("expires_after[anchor]");
  const auto seconds = form.fields.find("expires_after[seconds]");
  if (anchor == form.fields.end() && seconds == form.fields.end()) return std::nullopt;
  if (anchor == form.fields.end() || anchor->second != "created_at")
    return bad_field("expires_after[anchor]", "'created_at'");
  const auto n = seconds == form.fields.end() ? std::nullopt : whole_number(seconds->second);
  if (!n || *n < 3600 || *n > 2'592'000) return bad_field("expires_after[seconds]", "3600 to 2592000");
  return std::nullopt;
}

std::optional<std::int64_t> life_of(const Form& form)
{
  if (const auto seconds = form.fields.find("expires_after[seconds]"); seconds != form.fields.end())
    return whole_number(seconds->second);
  if (form.fields.at("purpose") == "batch") return batch_file_life;
  return std::nullopt;
}

/// The bytes a `Range: bytes=N-` or `bytes=N-M` asks for; a range of another form is ignored, as HTTP has it.
struct Asked {
  bool partial = false;
  bool beyond = false;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

Asked range_of(std::string_view header, std::uint64_t size)
{
  Asked asked{.last = size == 0 ? 0 : size - 1};
  constexpr std::string_view unit = "bytes=";
  const auto dash = header.find('-');
  if (!header.starts_with(unit) || dash == std::string_view::npos) return asked;
  const auto first = whole_number(header.substr(unit.size(), dash - unit.size()));
  const auto last = whole_number(header.substr(dash + 1));
  if (!first || (!last && dash + 1 != header.size())) return asked;
  asked.first = static_cast<std::uint64_t>(*first);
  if (last) asked.last = std::min(asked.last, static_cast<std::uint64_t>(*last));
  asked.partial = true;
  asked.beyond = asked.first >= size || asked.last < asked.first;
  return asked;
}

} // namespace

FileStore::FileStore(const Setting& setting) : m_setting(setting)
{
  make_private_directory(m_setting.directory / "files");
}

std::filesystem::path FileStore::path_of(const std::string& id) const
{
  return m_setting.directory / "files" / id;
}

Reply FileStore::create(Call& call)
{
  const auto boundary = boundary_of(call.header("content-type"));
  if (!boundary) {
    return error_reply(400, "Invalid content type: expected multipart/form-data with a boundary.",
                       {.code = "invalid_content_type"});
  }
  const auto id = fresh_id("file-");
  AtomicFile stored{path_of(id), AtomicFile::Durable::no};
  MultipartReader reader{*call.body, *boundary};
  const auto form = read_form(reader, stored);
  if (!reader.whole()) return error_reply(400, "The multipart body ended before its closing boundary.");
  if (auto refusal = refusal_of(form)) return *refusal;
  stored.commit();
  FileObject file{.id = id,
                  .filename = *form.filename,
                  .purpose = form.fields.at("purpose"),
                  .bytes = form.bytes,
                  .sha256 = form.sha256,
                  .created_at = m_setting.now(),
                  .expires_after = life_of(form),
                  .answered = call.answered};
  Reply reply{.body = object_of(file)};
  const std::lock_guard lock{m_mutex};
  file.number = ++m_uploads;
  take_in(std::move(file));
  return reply;
}

void FileStore::add(FileObject file)
{
  const std::lock_guard lock{m_mutex};
  take_in(std::move(file));
}

/// REQUIRED: the lock is held.
void FileStore::take_in(FileObject file)
{
  m_places[file.id] = m_files.size();
  m_files.push_back(std::move(file));
}

/// Whether a rule has taken this part of a file away.
bool FileStore::vanished(const FileObject& file, VanishFiles::Part part) const
{
  const auto age = m_setting.now() - file.created_at;
  const auto meant = [&](const VanishFiles& rule) {
    const bool taken = rule.part == VanishFiles::Part::all || part == VanishFiles::Part::content;
    return taken && rule.file == file.kind && age >= Millis{rule.after_ms};
  };
  return rule_for(m_setting.faults()->vanish_files, &VanishFiles::of, m_setting.seed, "vanish_files", file.number,
                  meant)
      .has_value();
}

bool FileStore::gone(const FileObject& file) const
{
  if (file.deleted || vanished(file, VanishFiles::Part::all)) return true;
  const auto age = m_setting.now() - file.created_at;
  if (file.expires_after && age >= std::chrono::seconds{*file.expires_after}) return true;
  const auto lapse = m_setting.faults()->files_expire_ms;
  return file.purpose == "batch_output" && lapse > 0 && age >= Millis{lapse};
}

std::optional<FileObject> FileStore::find(const std::string& id) const
{
  const std::lock_guard lock{m_mutex};
  const auto place = m_places.find(id);
  if (place == m_places.end() || gone(m_files[place->second])) return std::nullopt;
  return m_files[place->second];
}

Reply FileStore::retrieve(const std::string& id) const
{
  const auto file = find(id);
  return file ? Reply{.body = object_of(*file)} : no_such_file(id);
}

Reply FileStore::content(const Call& call, const std::string& id) const
{
  const auto file = find(id);
  if (!file || vanished(*file, VanishFiles::Part::content)) return no_such_file(id);
  const bool no_range = m_setting.faults()->no_range;
  const auto asked = range_of(no_range ? std::string_view{} : call.header("range"), file->bytes);
  if (asked.beyond) {
    auto reply = error_reply(416, "The requested range is not satisfiable.");
    reply.headers["Content-Range"] = fmt::format("bytes */{}", file->bytes);
    return reply;
  }
  Reply reply{.content_type = "application/octet-stream"};
  if (!no_range) reply.headers["Accept-Ranges"] = "bytes";
  reply.headers["Content-Disposition"] = fmt::format("attachment; filename=\"{}\"", file->id);
  reply.file = FilePiece{.path = path_of(id), .offset = 0, .length = file->bytes};
  if (!asked.partial) return reply;
  reply.status = 206;
  reply.headers["Content-Range"] = fmt::format("bytes {}-{}/{}", asked.first, asked.last, file->bytes);
  reply.file->offset = asked.first;
  reply.file->length = asked.last - asked.first + 1;
  return reply;
}

Reply FileStore::remove(const std::string& id)
{
  const std::lock_guard lock{m_mutex};
  const auto place = m_places.find(id);
  if (place == m_places.end() || gone(m_files[place->second])) return no_such_file(id);
  m_files[place->second].deleted = true;
  discard_file(path_of(id));
  Reply reply;
  json::Writer{reply.body}.begin_object().member("id", id).member("object", "file").flag("deleted", true).end_object();
  return reply;
}

bool FileStore::listed(const FileObject& file, const Call& call) const
{
  if (gone(file)) return false;
  if (m_setting.now() - file.created_at < Millis{m_setting.faults()->list_lag_ms}) return false;
  const auto purpose = call.query.find("purpose");
  return purpose == call.query.end() || purpose->second == file.purpose;
}

Reply FileStore::list(const Call& call) const
{
  const auto faults = m_setting.faults();
  const auto limit = faults->list_ignores_limit ? Limit{.value = 10'000} : limit_of(call, 10'000, 10'000);
  if (limit.refusal) return *limit.refusal;
  const auto order = call.query.find("order");
  const bool oldest_first = order != call.query.end() && order->second == "asc";
  if (order != call.query.end() && !oldest_first && order->second != "desc")
    return bad_field("order", "'asc' or 'desc'");

  const std::lock_guard lock{m_mutex};
  const auto size = m_files.size();
  std::size_t begin = 0; // counted in the order of the listing
  if (const auto after = call.query.find("after"); after != call.query.end() && !faults->list_ignores_after) {
    const auto place = m_places.find(after->second);
    if (place == m_places.end()) return no_such_file(after->second);
    begin = (oldest_first ? place->second : size - 1 - place->second) + 1;
  }
  const auto file_at = [&](std::size_t at) -> const FileObject& { return m_files[oldest_first ? at : size - 1 - at]; };
  const auto shown = [&](const FileObject& file) { return listed(file, call); };
  return page_of({.begin = begin, .end = size, .limit = limit.value}, file_at, shown,
                 [&](json::Writer& w, const FileObject& file) { write(w, file); });
}

void FileStore::write(json::Writer& w, const FileObject& file) const
{
  const auto created = unix_seconds(file.created_at);
  w.begin_object().member("id", file.id).member("object", "file");
  w.member("bytes", static_cast<std::int64_t>(file.bytes)).member("created_at", created);
  if (file.expires_after) w.member("expires_at", created + *file.expires_after);
  w.member("filename", file.filename).member("purpose", file.purpose).member("status", "processed");
  w.key("status_details").null();
  w.end_object();
}

std::string FileStore::object_of(const FileObject& file) const
{
  std::string out;
  json::Writer w{out};
  write(w, file);
  return out;
}

void FileStore::write_ledger(json::Writer& w) const
{
  const std::lock_guard lock{m_mutex};
  const auto uploaded = [](const FileObject& file) { return file.purpose != "batch_output"; };
  w.member("uploads", std::count_if(m_files.begin(), m_files.end(), uploaded));
  w.key("files").begin_array();
  for (const auto& file : m_files) {
    if (!uploaded(file)) continue;
    w.begin_object().member("id", file.id).member("filename", file.filename).member("purpose", file.purpose);
    w.member("bytes", static_cast<std::int64_t>(file.bytes)).member("sha256", file.sha256);
    w.flag("answered", file.answered).flag("deleted", file.deleted).end_object();
  }
  w.end_array();
}

} // namespace batchwright::emulator
