#include <batchwright/api/client.hpp>
#include <batchwright/api/download.hpp>
#include <batchwright/api/reply.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/wire/query.hpp>

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace batchwright::api {
namespace {

using wire::encoded;

std::string path_of(const FileId& id, std::string_view more = {})
{
  return fmt::format("/files/{}{}", encoded(id.str()), more);
}

std::string path_of(const BatchId& id, std::string_view more = {})
{
  return fmt::format("/batches/{}{}", encoded(id.str()), more);
}

std::string page_query(const wire::ListShape& list, std::size_t limit, std::string_view after)
{
  auto query = fmt::format("{}={}", list.limit, limit);
  return after.empty() ? query : fmt::format("{}&{}={}", query, list.after, encoded(after));
}

/// Sends what `make` makes, once more without its lapse where the server refuses that: a clean refusal, so nothing was
/// done. `known`: what the server took so far.
template<class Make>
http::Response send_lapsing(http::Transport& transport, std::atomic<wire::Lapse>& known, Make make)
{
  const auto lapse = known.load();
  auto response = transport.send(make(lapse));
  if (lapse == wire::Lapse::unsaid || !wire::refuses_lapse(response.status, response.body)) return response;
  known = wire::Lapse::unsaid;
  return transport.send(make(wire::Lapse::unsaid));
}

} // namespace

Client::Client(http::Transport& reads, http::Transport& writes, const wire::Profile& profile)
    : m_reads(reads), m_writes(writes), m_profile(profile)
{
}

Reply<wire::FileObject> Client::upload(const std::filesystem::path& path, const std::string& file_name,
                                       const http::OnBytes& on_sent)
{
  // The server may check and store a large file before it answers.
  constexpr Millis patience{300'000};
  std::error_code unreadable_is_told_when_opened;
  const auto bytes = std::filesystem::file_size(path, unreadable_is_told_when_opened);
  http::Request request{.method = http::Method::post, .path = "/files", .on_sent = on_sent};
  request.timeouts.idle = patience;
  request.timeouts.total = transfer_time(unreadable_is_told_when_opened ? 0 : bytes);
  const auto response = send_lapsing(m_writes, m_of_files, [&](wire::Lapse lapse) {
    request.upload =
        http::Upload{.fields = wire::upload_fields(m_profile, lapse), .file_name = file_name, .path = path};
    return request;
  });
  return reply_to<wire::FileObject>(response, wire::parse_file);
}

Reply<wire::BatchObject> Client::create_batch(const FileId& input, std::string_view endpoint,
                                              const wire::Metadata& metadata)
{
  const auto response = send_lapsing(m_writes, m_of_outputs, [&](wire::Lapse lapse) {
    return http::Request{.method = http::Method::post,
                         .path = "/batches",
                         .body = wire::create_batch_body(m_profile, input, endpoint, metadata, lapse)};
  });
  return reply_to<wire::BatchObject>(response, wire::parse_batch);
}

Reply<wire::FileObject> Client::file(const FileId& id)
{
  return reply_to<wire::FileObject>(m_reads.send({.path = path_of(id)}), wire::parse_file);
}

Reply<wire::BatchObject> Client::batch(const BatchId& id)
{
  return reply_to<wire::BatchObject>(m_reads.send({.path = path_of(id)}), wire::parse_batch);
}

Reply<wire::BatchObject> Client::batch_into(const BatchId& id, const std::filesystem::path& to)
{
  const auto response = m_reads.send({.path = path_of(id)});
  auto reply = reply_to<wire::BatchObject>(response, wire::parse_batch);
  if (reply.ok()) write_file(to, response.body);
  return reply;
}

Reply<wire::BatchObject> Client::cancel(const BatchId& id)
{
  const http::Request request{.method = http::Method::post, .path = path_of(id, "/cancel")};
  auto reply = reply_to<wire::BatchObject>(m_writes.send(request), wire::parse_batch);
  const bool over_already = reply.status == 400 || reply.status == 409;
  return over_already ? batch(id) : reply;
}

Reply<wire::Page<wire::FileObject>> Client::files(const FileId& after)
{
  const auto query = page_query(m_profile.list, m_profile.files_page, after.str());
  const auto path = fmt::format("/files?purpose={}&order=desc&{}", encoded(m_profile.purpose), query);
  return reply_to<wire::Page<wire::FileObject>>(
      m_reads.send({.path = path}), [this](std::string_view body) { return wire::parse_files(body, m_profile); });
}

Reply<wire::Page<wire::BatchObject>> Client::batches(const BatchId& after)
{
  const auto path = "/batches?" + page_query(m_profile.list, m_profile.batches_page, after.str());
  return reply_to<wire::Page<wire::BatchObject>>(
      m_reads.send({.path = path}), [this](std::string_view body) { return wire::parse_batches(body, m_profile); });
}

Reply<Deleted> Client::remove(const FileId& id)
{
  auto reply = reply_to<Deleted>(m_reads.send({.method = http::Method::del, .path = path_of(id)}));
  if (reply.status == 404 && reply.ending == Ending::refused) reply.ending = Ending::ok;
  return reply;
}

Reply<Downloaded> Client::download(const FileId& id, const std::filesystem::path& to, const http::OnBytes& on_received)
{
  const auto described = file(id);
  DownloadOrder order{.path = path_of(id, "/content"), .to = to, .on_received = on_received};
  // Some servers describe no files, or describe outputs without a length.
  if (described.ok() && described.value.bytes > 0) order.bytes = described.value.bytes;
  return api::download(m_reads, order);
}

} // namespace batchwright::api
