#include <batchwright/api/reply.hpp>
#include <batchwright/api/usage.hpp>

namespace batchwright::api {
namespace {

// A server that gives a day a page tells nearly three years with them, one that gives what is asked for, a lifetime.
constexpr int most_pages = 1'000;

} // namespace

UsageReader::UsageReader(http::Transport& reads) : m_reads(reads) {}

Reply<std::vector<wire::UsageRow>> UsageReader::read(const wire::UsageSpan& span)
{
  std::vector<wire::UsageRow> rows;
  std::string next;
  for (int pages = 0; pages < most_pages; ++pages) {
    const auto response = m_reads.send({.path = wire::usage_path(span, next)});
    const auto page = reply_to<wire::UsagePage>(response, wire::parse_usage);
    rows.insert(rows.end(), page.value.rows.begin(), page.value.rows.end());
    next = page.value.next;
    if (page.ok() && !next.empty()) continue;
    return {.ending = page.ending,
            .value = std::move(rows),
            .status = page.status,
            .error = page.error,
            .trouble = page.trouble,
            .retry_after = page.retry_after,
            .server_time = page.server_time,
            .request_id = page.request_id};
  }
  return {.trouble = "the pages of the usage come to no end"};
}

} // namespace batchwright::api
