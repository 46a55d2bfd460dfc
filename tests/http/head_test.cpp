#include <batchwright/http/head.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::http;

TEST_SUITE_BEGIN("http::head");

TEST_CASE("a head is read with its status and headers")
{
  const auto head = parse_head("HTTP/1.1 200 OK\r\nContent-Length: 12\r\nA:b\r\nEmpty:\r\nA: c\r\n\r\nbody");
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->headers.size() == 4);
  CHECK(find_header(head->headers, "a") == "b");
  CHECK(find_header(head->headers, "EMPTY").empty());
  CHECK(head->content_length() == 12);
  CHECK(head->keeps_alive());
  CHECK_FALSE(head->is_chunked());
  CHECK(parse_head("HTTP/1.1 204\r\n")->status == 204);
  CHECK(parse_head("HTTP/1.0 503 Slow Down\n")->status == 503);
}

TEST_CASE("what is no head is refused")
{
  for (const char* text :
       {"", "HTTP/1.1", "HTTP/2 200 OK\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 099 x\r\n",
        "HTTP/1.1 -20 x\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n", "HTTP/1.1 200 OK\r\n: x\r\n", "GET / HTTP/1.1\r\n"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_head(text));
  }
}

TEST_CASE("who may go on is told by version and Connection")
{
  const std::pair<const char*, bool> cases[] = {
      {"HTTP/1.1 200 OK\r\n", true},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\n", false},
      {"HTTP/1.1 200 OK\r\nconnection: Upgrade , CLOSE\r\n", false},
      {"HTTP/1.1 200 OK\r\nConnection: enclosed\r\n", true},
      {"HTTP/1.0 200 OK\r\n", false},
      {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", true},
  };
  for (const auto& row : cases) {
    const auto& text = row.first;
    const auto& alive = row.second;
    CAPTURE(text);
    CHECK(parse_head(text)->keeps_alive() == alive);
  }
}

TEST_CASE("a length that is no number is no length")
{
  for (const char* value : {"", "-1", "12x", "99999999999999999999999", "1, 1"}) {
    CAPTURE(value);
    CHECK_FALSE(Head{.headers = {{"Content-Length", value}}}.content_length());
  }
  CHECK(Head{.headers = {{"content-length", "0"}}}.content_length() == 0);
}

TEST_CASE("dates are read as the protocol writes them")
{
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == from_unix(784111777));
  CHECK(parse_http_date("Sun, 22 Nov 2026 18:00:00 GMT") == from_unix(1795370400));
  for (const char* text : {"", "yesterday", "Sun, 31 Feb 2026 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:3x GMT",
                           "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "1994-11-06T08:49:37Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_http_date(text));
  }
}

TEST_SUITE_END();
