// What differs between providers, as one value: limits, words, windows, price factors. OpenAI's is the only one so far.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace batchwright::wire {

/// What a batch's status word means to us.
enum class BatchPhase : std::uint8_t {
  live,     ///< still being worked on, or a word we do not know
  stopping, ///< `cancelling`
  finished, ///< `completed`, `expired` or `cancelled`: both files may exist and are read
  refused,  ///< `failed`: the check of the input failed, normally no line ran
};

struct StatusWord {
  std::string_view word = {};
  BatchPhase phase = BatchPhase::live;
};

/// How listings are asked for and how a page looks.
struct ListShape {
  std::string_view limit = "limit"; ///< query parameter: objects a page
  std::string_view after = "after"; ///< query parameter: the last id already seen
  std::string_view items = "data";  ///< member of a page: its objects
  std::string_view more = "has_more";
};

struct Profile {
  std::string_view name = "openai";
  std::string_view default_base_url = "https://api.openai.com/v1";
  std::string_view key_header = "Authorization";
  std::string_view key_prefix = "Bearer "; ///< before the key, in that header

  /// No model reads or writes more for one request; a larger count is a slip, the user's or the server's.
  std::int64_t tokens_per_request = 10'000'000;
  std::uint64_t requests_per_file = 50'000;
  std::uint64_t bytes_per_file = 209'715'200;         ///< enforced by the server, newlines included
  std::uint64_t default_bytes_per_part = 190'000'000; ///< leaves room for the multipart frame
  std::string_view purpose = "batch";
  std::string_view completion_window = "24h";
  std::chrono::hours window{24};
  std::int64_t enqueued_embeddings = 1'000'000; ///< requests to embeddings that may wait at once, over all batches
  std::chrono::hours file_retention{30 * 24};   ///< of outputs, from the end of the batch

  ListShape list = {};
  std::size_t files_page = 10'000; ///< the largest `limit` of GET /files
  std::size_t batches_page = 100;  ///< the largest `limit` of GET /batches
  std::size_t metadata_pairs = 16;
  std::size_t metadata_key = 64;    ///< characters
  std::size_t metadata_value = 512; ///< characters

  /// The words that are not `live`.
  std::span<const StatusWord> status_words = {};

  /// The price of a batch, as a share of the real-time price, in hundredths.
  int batch_price_percent = 50;
};

/// OpenAI's Batch API guide and API reference, November 2026.
const Profile& openai();

/// What a status word means; unknown words are `live`, since the provider adds words without notice.
BatchPhase phase(std::string_view status, const Profile& profile = openai());

} // namespace batchwright::wire
