// One item to read: what was asked, and what came of it. Comes in: a merged record and a request line, as JSON.
#pragma once

#include <batchwright/report/report.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace batchwright::report {

/// A head of index, custom_id and status, then the prompt, the answer and the error under labels; texts keep their
/// lines and have no power over a terminal. `request` may be empty: not known. Of each text of a longer prompt its
/// beginning is shown, of so many bytes at most, and how much more there is.
std::string item(std::string_view record, std::string_view request, const Style& style,
                 std::size_t most_prompt = std::string_view::npos);

/// The record with the request's input (messages, input or prompt, else its whole body) as one more member, `input`;
/// null where it is not known.
std::string item_json(std::string_view record, std::string_view request);

/// "3 failed: 2 truncated, 1 invalid_request", the most frequent first.
std::string failures(const std::map<std::string, std::uint64_t>& by_code);

} // namespace batchwright::report
