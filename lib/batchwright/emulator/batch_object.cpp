#include <batchwright/emulator/batch_object.hpp>
#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/setting.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::emulator {
namespace {

constexpr std::chrono::hours completion_window{24};

/// "'/v1/responses', '/v1/chat/completions', ...": as the API lists values.
std::string known_endpoints()
{
  std::string list;
  for (const auto& endpoint : endpoints())
    list += fmt::format("{}'{}'", list.empty() ? "" : ", ", endpoint.path);
  return list;
}

std::size_t code_points(std::string_view text)
{
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Reply too_long(const std::string& parameter, std::size_t most, std::size_t length)
{
  return error_reply(400,
                     fmt::format("Invalid '{}': string too long. Expected a string with maximum length {}, but got a "
                                 "string with length {} instead.",
                                 parameter, most, length),
                     {.param = parameter, .code = "string_above_max_length"});
}

std::optional<Reply> refusal_of_metadata(const json::Value& metadata)
{
  if (!metadata.is(json::Kind::object)) return wrong_type("metadata", "an object with string values");
  const auto members = metadata.members();
  if (members.size() > 16) {
    return error_reply(400,
                       fmt::format("Invalid 'metadata': too many properties. Expected an object with at most 16 "
                                   "properties, but got an object with {} properties instead.",
                                   members.size()),
                       {.param = "metadata", .code = "object_above_max_properties"});
  }
  for (const auto& [key, value] : members) {
    const auto name = json::decode_lossy(key.token());
    if (const auto n = code_points(name); n > 64) return too_long("metadata", 64, n);
    if (!value.is(json::Kind::string)) return wrong_type("metadata." + name, "a string");
    if (const auto n = code_points(json::decode_lossy(value.token())); n > 512)
      return too_long("metadata." + name, 512, n);
  }
  return std::nullopt;
}

std::optional<Reply> read_expiry(const json::Value& root, Batch& batch)
{
  const auto expiry = root.get("output_expires_after");
  if (!expiry) return std::nullopt;
  const auto anchor = expiry->find("anchor");
  if (!anchor || anchor->text() != "created_at")
    return wrong_type("output_expires_after.anchor", "the value 'created_at'");
  const auto seconds = expiry->find("seconds");
  batch.output_expires_after = seconds ? seconds->integer() : std::nullopt;
  if (!batch.output_expires_after || *batch.output_expires_after < 3600 || *batch.output_expires_after > 2'592'000)
    return wrong_type("output_expires_after.seconds", "a whole number from 3600 to 2592000");
  return std::nullopt;
}

std::optional<Reply> read_members(const json::Value& root, Batch& batch)
{
  for (const auto* key : {"input_file_id", "endpoint", "completion_window"}) {
    const auto value = root.get(key);
    if (!value) return missing_parameter(key);
    if (!value->text()) return wrong_type(key, "a string");
  }
  batch.input_file_id = *root.find("input_file_id")->text();
  batch.endpoint = *root.find("endpoint")->text();
  if (!endpoint_at(batch.endpoint)) return wrong_value("endpoint", batch.endpoint, known_endpoints());
  if (const auto window = *root.find("completion_window")->text(); window != "24h")
    return wrong_value("completion_window", window, "'24h'");
  const auto metadata = root.get("metadata");
  batch.metadata = metadata ? metadata->raw() : "null";
  if (metadata) {
    if (auto refusal = refusal_of_metadata(*metadata)) return refusal;
  }
  return read_expiry(root, batch);
}

void write_errors(json::Writer& w, const Batch& batch)
{
  w.key("errors");
  if (batch.errors.empty()) {
    w.null();
    return;
  }
  w.begin_object().member("object", "list").key("data").begin_array();
  for (const auto& error : batch.errors) {
    w.begin_object().member("code", error.code).member("message", error.message).member("param", error.param);
    w.key("line");
    if (error.line)
      w.integer(*error.line);
    else
      w.null();
    w.end_object();
  }
  w.end_array().end_object();
}

void write_file_id(json::Writer& w, std::string_view key, const std::string& id, AbsentFileId absent)
{
  if (!id.empty() || absent == AbsentFileId::empty)
    w.member(key, id);
  else if (absent == AbsentFileId::null)
    w.key(key).null();
}

/// The files' ids, once the batch names them.
void write_file_ids(json::Writer& w, const Batch& batch, const BatchView& view)
{
  const auto ended = batch.entered[static_cast<std::size_t>(batch.state)];
  const bool late = ended && view.now < *ended + Millis{view.faults.ids_late_ms};
  write_file_id(w, "output_file_id", late ? "" : batch.output_file_id, view.faults.absent_file_id);
  write_file_id(w, "error_file_id", late ? "" : batch.error_file_id, view.faults.absent_file_id);
}

void write_times(json::Writer& w, const Batch& batch)
{
  const auto time = [&](std::string_view key, BatchState state) {
    w.key(key);
    if (const auto t = batch.entered[static_cast<std::size_t>(state)])
      w.integer(unix_seconds(*t));
    else
      w.null();
  };
  const auto created = unix_seconds(batch.created_at);
  w.member("created_at", created);
  time("in_progress_at", BatchState::in_progress);
  w.member("expires_at", created + std::chrono::seconds{completion_window}.count());
  time("finalizing_at", BatchState::finalizing);
  time("completed_at", BatchState::completed);
  time("failed_at", BatchState::failed);
  time("expired_at", BatchState::expired);
  time("cancelling_at", BatchState::cancelling);
  time("cancelled_at", BatchState::cancelled);
}

void write_counts(json::Writer& w, const Batch& batch, const BatchView& view)
{
  w.key("request_counts");
  if (view.faults.null_request_counts) {
    w.null();
    return;
  }
  const auto off = rule_for(view.faults.miscount_batches, &Miscount::batches, view.seed, "miscount_batches",
                            batch.ordinal, [&](const Miscount&) { return terminal(batch.state); })
                       .value_or(Miscount{});
  const auto count = [&](std::string_view key, std::int64_t n) { w.member(key, std::max<std::int64_t>(0, n)); };
  w.begin_object();
  count("total", batch.total + off.total);
  count("completed", batch.progress.completed + off.completed);
  count("failed", batch.progress.failed + off.failed);
  w.end_object();
}

/// The sums over the lines; left out while there are none, as the API leaves it out.
void write_usage(json::Writer& w, const Progress& progress)
{
  if (progress.executed == 0) return;
  const auto& usage = progress.usage;
  w.key("usage").begin_object().member("input_tokens", usage.input_tokens);
  w.key("input_tokens_details").begin_object().member("cached_tokens", usage.cache.read).end_object();
  w.member("output_tokens", usage.output_tokens);
  w.key("output_tokens_details").begin_object().member("reasoning_tokens", usage.reasoning_tokens).end_object();
  w.member("total_tokens", usage.input_tokens + usage.output_tokens).end_object();
}

} // namespace

std::string_view name_of(BatchState state)
{
  constexpr std::array names{"validating", "failed",  "in_progress", "finalizing",
                             "completed",  "expired", "cancelling",  "cancelled"};
  return names.at(static_cast<std::size_t>(state));
}

bool terminal(BatchState state)
{
  return state == BatchState::failed || state == BatchState::completed || state == BatchState::expired ||
         state == BatchState::cancelled;
}

BatchRequest read_batch_request(std::string_view body)
{
  json::Document document;
  BatchRequest request;
  if (!document.parse(body) || !document.root().is(json::Kind::object))
    request.refusal = no_json();
  else
    request.refusal = read_members(document.root(), request.batch);
  return request;
}

Instant expires_at(const Batch& batch)
{
  return batch.created_at + completion_window;
}

void write_batch(json::Writer& w, const Batch& batch, const BatchView& view)
{
  const auto& faults = view.faults;
  const bool strange = batch.state == BatchState::in_progress && !faults.unknown_status.empty();
  const bool hidden = view.metadata == BatchView::Metadata::hidden;
  w.begin_object().member("id", batch.id).member("object", "batch").member("endpoint", batch.endpoint);
  if (!batch.model.empty()) w.member("model", name_of_model(*endpoint_at(batch.endpoint), batch.model));
  write_errors(w, batch);
  w.member("input_file_id", batch.input_file_id).member("completion_window", "24h");
  w.member("status", strange ? std::string_view{faults.unknown_status} : name_of(batch.state));
  write_file_ids(w, batch, view);
  write_times(w, batch);
  write_counts(w, batch, view);
  write_usage(w, batch.progress);
  w.key("metadata").raw(hidden ? "null" : batch.metadata);
  w.end_object();
}

} // namespace batchwright::emulator
