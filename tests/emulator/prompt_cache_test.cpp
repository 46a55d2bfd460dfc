#include "tests/emulator/raw_client.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

using namespace batchwright;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::prompt_cache");

namespace {

const std::string chat = "/v1/chat/completions";

/// A chat body whose messages, as they stand in the JSON, begin with `shared` tokens, alike for all, and have `own`
/// tokens more.
std::string chat_body(int shared, int own, char tail, const std::string& more = R"("model":"gpt-4.1")")
{
  const std::string head = R"([{"role":"user","content":")";
  const std::string foot = R"("}])";
  return fmt::format(R"({{{},"messages":{}{}{}{}}})", more, head,
                     std::string(static_cast<std::size_t>(shared) * 4 - head.size(), 'x'),
                     std::string(static_cast<std::size_t>(own) * 4 - foot.size(), tail), foot);
}

struct Cached {
  std::int64_t input = 0;
  std::int64_t read = 0;
  std::int64_t written = 0;
};

Cached cached_in(const Object& body, const std::string& input = "prompt")
{
  const auto usage = body->getObject("usage");
  const auto details = usage->getObject(input + "_tokens_details");
  return {usage->getValue<std::int64_t>(input + "_tokens"), details->getValue<std::int64_t>("cached_tokens"),
          details->getValue<std::int64_t>("cache_write_tokens")};
}

std::int64_t read_of(RawClient& client, const std::string& body)
{
  return cached_in(client.post(chat, body).json()).read;
}

} // namespace

TEST_CASE("the beginning that prompts share is cached in whole steps of 128 tokens, from 1,024 on")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  CHECK(read_of(client, chat_body(1500, 100, 'a')) == 0);
  const auto second = cached_in(client.post(chat, chat_body(1500, 100, 'b')).json());
  CHECK(second.input == 1600);
  CHECK(second.read == 1408); // 11 steps; the twelfth holds some that is its own
  CHECK(second.written == 0);
  CHECK(read_of(client, chat_body(1023, 500, 'c')) == 0);
  CHECK(read_of(client, chat_body(1024, 500, 'c')) == 1024);
  CHECK(read_of(client, chat_body(1024, 500, 'c')) == 1408); // the same again: all of its whole steps
  CHECK(read_of(client, chat_body(900, 100, 'd')) == 0);     // too short to be cached
  CHECK(read_of(client, chat_body(900, 100, 'd')) == 0);
}

TEST_CASE("each model and each prompt_cache_key has a cache of its own")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  for (const auto* more :
       {R"("model":"gpt-4.1")", R"("model":"gpt-4.1-mini")", R"("model":"gpt-4.1","prompt_cache_key":"a")",
        R"("model":"gpt-4.1","prompt_cache_key":"b")"}) {
    CAPTURE(more);
    CHECK(read_of(client, chat_body(2048, 10, 'a', more)) == 0);
    CHECK(read_of(client, chat_body(2048, 10, 'b', more)) == 2048);
  }
}

TEST_CASE("what is written to the cache is told by models that bill it")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const std::string more = R"("model":"gpt-5.6")";
  const auto first = cached_in(client.post(chat, chat_body(2048, 200, 'a', more)).json());
  CHECK(first.read == 0);
  CHECK(first.written == 2176);
  const auto second = cached_in(client.post(chat, chat_body(2048, 200, 'b', more)).json());
  CHECK(second.read == 2048);
  CHECK(second.written == 128);
}

TEST_CASE("what was refused is not remembered")
{
  emulator::Server server{tests::quick_with(R"({"transient_share":1,"passing_after":1})")};
  RawClient client{server};
  CHECK(client.post(chat, chat_body(2048, 10, 'a')).status == 500);
  CHECK(read_of(client, chat_body(2048, 10, 'a')) == 0);
  CHECK(client.post(chat, chat_body(2048, 10, 'b')).status == 500);
  CHECK(read_of(client, chat_body(2048, 10, 'b')) == 2048);
}

TEST_CASE("responses are cached, instructions first, and both routes share the cache and are told in the usage")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto asked = [](const std::string& input) {
    return fmt::format(R"({{"model":"gpt-4.1","instructions":"{}","input":"{}"}})", std::string(8'000, 'i'), input);
  };
  CHECK(cached_in(client.post("/v1/responses", asked("one")).json(), "input").read == 0);
  const auto second = cached_in(client.post("/v1/responses", asked("two")).json(), "input");
  CHECK(second.read == 1920);

  std::string lines;
  for (int i = 0; i < 3; ++i)
    lines += fmt::format(R"({{"custom_id":"{}","method":"POST","url":"{}","body":{}}})", i, chat,
                         chat_body(1024, 30, static_cast<char>('a' + i))) +
             '\n';
  const auto batch = client.run(lines);
  CHECK(batch->getObject("usage")->getObject("input_tokens_details")->getValue<std::int64_t>("cached_tokens") == 2048);
  CHECK(read_of(client, chat_body(1024, 30, 'z')) == 1024);
  const auto day = client.get("/emulator/clock").json()->getValue<std::int64_t>("now_ms") / 1000 - 100;
  const auto told = client.get(fmt::format("/v1/organization/usage/completions?start_time={}&bucket_width=1d", day));
  CHECK(told.body.find(fmt::format(R"("input_cached_tokens":{})", 1920 + 2048 + 1024)) != std::string::npos);
}

TEST_CASE("a server that caches nothing")
{
  emulator::Server server{tests::quick_with(R"({"no_prompt_cache":true})")};
  RawClient client{server};
  for (int i = 0; i < 2; ++i) {
    const auto used = cached_in(client.post(chat, chat_body(2048, 10, 'a', R"("model":"gpt-5.6")")).json());
    CHECK(used.read == 0);
    CHECK(used.written == 0);
  }
}

TEST_SUITE_END();
