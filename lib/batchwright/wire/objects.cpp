#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/wire/objects.hpp>

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <exception>

namespace batchwright::wire {
namespace {

using Poco::Dynamic::Var;
using Poco::JSON::Array;
using Poco::JSON::Object;

constexpr std::string_view lapse_anchor = "created_at";

// Exact in a double, and far beyond any count, size or time.
constexpr double largest_whole = 9007199254740992.0;

Object::Ptr as_object(const Var& value)
{
  return value.type() == typeid(Object::Ptr) ? value.extract<Object::Ptr>() : Object::Ptr{};
}

Array::Ptr as_array(const Var& value)
{
  return value.type() == typeid(Array::Ptr) ? value.extract<Array::Ptr>() : Array::Ptr{};
}

std::string text(const Object& object, const std::string& key)
{
  const Var value = object.get(key);
  return value.isString() ? value.extract<std::string>() : std::string{};
}

std::optional<std::int64_t> whole(const Object& object, const std::string& key)
{
  const Var value = object.get(key);
  if (value.isEmpty() || value.isBoolean() || !value.isNumeric()) return std::nullopt;
  if (value.isInteger()) return value.convert<std::int64_t>();
  const double number = value.convert<double>();
  if (std::abs(number) > largest_whole || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::int64_t count(const Object& object, const std::string& key)
{
  return std::max<std::int64_t>(0, whole(object, key).value_or(0));
}

std::optional<Instant> moment(const Object& object, const std::string& key)
{
  // Later than the year 9999 is no time; neither is 0, which some servers write for "not yet".
  constexpr std::int64_t last = 253'402'300'799;
  const auto seconds = whole(object, key);
  if (!seconds || *seconds <= 0 || *seconds > last) return std::nullopt;
  return from_unix(*seconds);
}

std::optional<FileObject> read_file_object(const Object& object)
{
  FileObject file;
  file.id = FileId{text(object, "id")};
  if (file.id.empty()) return std::nullopt;
  file.bytes = static_cast<std::uint64_t>(count(object, "bytes"));
  file.filename = text(object, "filename");
  file.purpose = text(object, "purpose");
  file.created_at = moment(object, "created_at");
  file.expires_at = moment(object, "expires_at");
  return file;
}

Metadata read_metadata(const Object& object)
{
  Metadata metadata;
  const auto pairs = as_object(object.get("metadata"));
  if (!pairs) return metadata;
  for (const auto& [key, value] : *pairs) {
    if (value.isString()) metadata.emplace(key, value.extract<std::string>());
  }
  return metadata;
}

std::vector<BatchError> read_errors(const Object& object)
{
  std::vector<BatchError> errors;
  const auto list = as_object(object.get("errors"));
  const auto entries = list ? as_array(list->get("data")) : as_array(object.get("errors"));
  if (!entries) return errors;
  for (const auto& entry : *entries) {
    const auto error = as_object(entry);
    if (!error) continue;
    errors.push_back({text(*error, "code"), text(*error, "message"), whole(*error, "line")});
  }
  return errors;
}

std::optional<Instant> end_of(const Object& object)
{
  for (const auto* key : {"completed_at", "failed_at", "expired_at", "cancelled_at"}) {
    if (const auto at = moment(object, key)) return at;
  }
  return std::nullopt;
}

std::optional<BatchObject> read_batch_object(const Object& object)
{
  BatchObject batch;
  batch.id = BatchId{text(object, "id")};
  if (batch.id.empty()) return std::nullopt;
  batch.status = text(object, "status");
  batch.endpoint = text(object, "endpoint");
  batch.input_file = FileId{text(object, "input_file_id")};
  batch.model = text(object, "model");
  batch.output_file = FileId{text(object, "output_file_id")};
  batch.error_file = FileId{text(object, "error_file_id")};
  if (const auto counts = as_object(object.get("request_counts"))) {
    batch.total = count(*counts, "total");
    batch.completed = count(*counts, "completed");
    batch.failed = count(*counts, "failed");
  }
  batch.created_at = moment(object, "created_at");
  batch.ended_at = end_of(object);
  batch.metadata = read_metadata(object);
  batch.errors = read_errors(object);
  return batch;
}

/// Parses `json` and hands its top object to `read`; whatever Poco throws means "unreadable".
template<class Read>
auto with_object(std::string_view json, Read read) -> decltype(read(std::declval<const Object&>()))
{
  try {
    const auto object = as_object(Poco::JSON::Parser{}.parse(std::string{json}));
    if (object) return read(*object);
  } catch (const std::exception&) {
    // Not JSON, or a number or string that Poco does not hold.
  }
  return std::nullopt;
}

template<class T, class ReadOne>
std::optional<Page<T>> read_page(const Object& object, const Profile& profile, ReadOne read_one)
{
  const auto items = as_array(object.get(std::string{profile.list.items}));
  if (!items) return std::nullopt;
  Page<T> page;
  for (const auto& item : *items) {
    const auto one = as_object(item);
    auto value = one ? read_one(*one) : std::nullopt;
    if (!value) return std::nullopt;
    page.data.push_back(std::move(*value));
  }
  const Var more = object.get(std::string{profile.list.more});
  if (more.isBoolean()) page.has_more = more.convert<bool>();
  return page;
}

std::string text_or_number(const Object& object, const std::string& key)
{
  const auto number = whole(object, key);
  return number ? std::to_string(*number) : text(object, key);
}

std::size_t characters(std::string_view utf8)
{
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void check_metadata(const Profile& profile, const Metadata& metadata)
{
  ensure(metadata.size() <= profile.metadata_pairs, "no more metadata than a batch may carry");
  for (const auto& [key, value] : metadata) {
    ensure(characters(key) <= profile.metadata_key && characters(value) <= profile.metadata_value,
           "metadata as short as a batch may carry");
  }
}

std::string lower(std::string_view text)
{
  std::string copy{text};
  for (auto& c : copy)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return copy;
}

bool holds_any(const std::string& text, std::initializer_list<std::string_view> words)
{
  return std::any_of(words.begin(), words.end(), [&](auto word) { return text.find(word) != std::string::npos; });
}

} // namespace

std::optional<FileObject> parse_file(std::string_view json)
{
  return with_object(json, read_file_object);
}

std::optional<BatchObject> parse_batch(std::string_view json)
{
  return with_object(json, read_batch_object);
}

std::optional<Page<FileObject>> parse_files(std::string_view json, const Profile& profile)
{
  return with_object(json, [&](const Object& o) { return read_page<FileObject>(o, profile, read_file_object); });
}

std::optional<Page<BatchObject>> parse_batches(std::string_view json, const Profile& profile)
{
  return with_object(json, [&](const Object& o) { return read_page<BatchObject>(o, profile, read_batch_object); });
}

std::optional<ApiError> parse_error(std::string_view json)
{
  return with_object(json, [](const Object& object) -> std::optional<ApiError> {
    const Var value = object.get("error");
    if (value.isString()) return ApiError{.message = value.extract<std::string>()};
    const auto error = as_object(value);
    if (!error) return std::nullopt;
    return ApiError{text_or_number(*error, "code"), text(*error, "type"), text(*error, "message"),
                    text(*error, "param")};
  });
}

std::vector<std::pair<std::string, std::string>> upload_fields(const Profile& profile, Lapse lapse)
{
  std::vector<std::pair<std::string, std::string>> fields{{"purpose", std::string{profile.purpose}}};
  if (lapse == Lapse::asked) {
    fields.emplace_back("expires_after[anchor]", lapse_anchor);
    fields.emplace_back("expires_after[seconds]", std::to_string(profile.file_life.count()));
  }
  return fields;
}

std::string create_batch_body(const Profile& profile, const FileId& input, std::string_view endpoint,
                              const Metadata& metadata, Lapse lapse)
{
  check_metadata(profile, metadata);
  std::string body;
  json::Writer w{body};
  w.begin_object();
  w.member("input_file_id", std::string_view{input.str()});
  w.member("endpoint", endpoint);
  w.member("completion_window", profile.completion_window);
  w.key("metadata").begin_object();
  for (const auto& [key, value] : metadata)
    w.member(key, std::string_view{value});
  w.end_object();
  if (lapse == Lapse::asked) {
    w.key("output_expires_after").begin_object();
    w.member("anchor", lapse_anchor).member("seconds", std::int64_t{profile.file_life.count()}).end_object();
  }
  w.end_object();
  return body;
}

std::string failed_batch(const BatchObject& batch)
{
  std::string body;
  json::Writer w{body};
  w.begin_object().member("id", batch.id.str()).member("status", batch.status);
  w.key("errors").begin_object().key("data").begin_array();
  for (const auto& error : batch.errors) {
    w.begin_object().member("code", error.code).member("message", error.message);
    if (error.line) w.member("line", *error.line);
    w.end_object();
  }
  w.end_array().end_object().end_object();
  return body;
}

bool refuses_lapse(int status, std::string_view body)
{
  return (status == 400 || status == 422) && body.find("expires_after") != std::string_view::npos;
}

Refusal refusal_of(const std::vector<BatchError>& errors)
{
  constexpr std::array faults{"server_error",        "internal_error", "internal_server_error",
                              "service_unavailable", "timeout",        "rate_limit_exceeded"};
  const auto any = [&](auto means) { return std::any_of(errors.begin(), errors.end(), means); };
  if (any([](const BatchError& e) { return means_no_room(e.code, e.message); })) return Refusal::no_room;
  if (any([](const BatchError& e) { return means_lost_file(e.code, e.message); })) return Refusal::lost_file;
  if (any([](const BatchError& e) { return e.line.has_value(); })) return Refusal::bad_lines;
  const bool has_reason = any([&](const BatchError& e) {
    return (!e.code.empty() || !e.message.empty()) && std::find(faults.begin(), faults.end(), e.code) == faults.end();
  });
  return has_reason ? Refusal::for_good : Refusal::server_fault;
}

bool means_no_room(std::string_view code, std::string_view message)
{
  return code == "token_limit_exceeded" ||
         holds_any(lower(message), {"token_limit_exceeded", "enqueued token limit", "enqueued request limit"});
}

bool limits_requests(std::string_view message)
{
  return holds_any(lower(message), {"enqueued request limit", "enqueued requests"});
}

std::optional<std::int64_t> named_limit(std::string_view message)
{
  constexpr std::string_view label = "limit:";
  const auto at = lower(message).find(label);
  if (at == std::string::npos) return std::nullopt;
  const auto rest = message.substr(at + label.size());
  constexpr std::int64_t beyond_sense = 100'000'000'000'000'000;
  std::int64_t limit = 0;
  bool digits = false;
  for (const char c : rest.substr(std::min(rest.find_first_not_of(' '), rest.size()))) {
    if (c == ',' && digits) continue;
    if (c < '0' || c > '9') break;
    if (limit > beyond_sense) return std::nullopt;
    limit = limit * 10 + (c - '0');
    digits = true;
  }
  return digits ? std::optional{limit} : std::nullopt;
}

bool means_lost_file(std::string_view code, std::string_view message)
{
  constexpr std::array codes{"input_no_permissions", "input_modified", "file_not_found", "input_file_not_found"};
  if (std::find(codes.begin(), codes.end(), code) != codes.end()) return true;
  // Words decide only where the code says nothing: "the model in the input file does not exist" has one of its own.
  constexpr std::array silent{"", "invalid_request_error", "invalid_request", "invalid_value", "not_found"};
  if (std::find(silent.begin(), silent.end(), code) == silent.end()) return false;
  const auto words = lower(message);
  if (holds_any(words, {"no such file"})) return true;
  return holds_any(words, {"input file", "input_file_id"}) &&
         holds_any(words, {"not found", "not be found", "does not exist", "expired", "deleted", "no longer",
                           "not be read", "not be accessed", "permission"});
}

} // namespace batchwright::wire
