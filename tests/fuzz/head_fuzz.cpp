// Any head of an HTTP answer, and the values that stand in headers.

#include "tests/fuzz/entry.hpp"

#include <batchwright/http/head.hpp>

using namespace batchwright;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const auto text = tests::text_of(data, size);
  static_cast<void>(http::parse_http_date(text));
  static_cast<void>(parse_rfc3339(text));
  static_cast<void>(parse_duration(text));
  if (const auto head = http::parse_head(text)) {
    static_cast<void>(head->keeps_alive());
    static_cast<void>(head->is_chunked());
    static_cast<void>(head->content_length());
    for (const auto& [name, value] : head->headers)
      tests::promise(name.find('\n') == std::string::npos && value.find('\n') == std::string::npos);
  }
  return 0;
}
