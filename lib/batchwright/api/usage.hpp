// The organisation's usage, which needs a key of its own. Comes in: days. Goes out: all rows that the provider has for
// them. Knows no store and no job; only reads.
#pragma once

#include <batchwright/api/client.hpp>
#include <batchwright/http/transport.hpp>
#include <batchwright/wire/usage.hpp>

#include <vector>

namespace batchwright::api {

class UsageReader {
public:
  /// It outlives the reader, may retry, and sends an admin key.
  explicit UsageReader(http::Transport& reads);

  /// Page after page of GET /organization/usage/..., until one has none behind it. One that cannot be had or read, or
  /// pages that come to no end, are no answer: figures are whole or not there.
  Reply<std::vector<wire::UsageRow>> read(const wire::UsageSpan& span);

private:
  http::Transport& m_reads;
};

} // namespace batchwright::api
