#include <batchwright/api/usage.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

using namespace batchwright;
using api::Ending;

namespace {

/// Answers each call from its number, from 0 on, and keeps the paths.
struct Scripted final : http::Transport {
  http::Response send(const http::Request& request, http::Sink*) override
  {
    paths.push_back(request.path);
    auto [status, body] = answer(paths.size() - 1);
    return {.delivery = http::Delivery::answered, .status = status, .body = std::move(body), .whole = true};
  }

  std::function<std::pair<int, std::string>(std::size_t n)> answer = {};
  std::vector<std::string> paths = {};
};

std::string page(std::size_t day, const std::string& next)
{
  return fmt::format(
      R"({{"data":[{{"start_time":{},"results":[{{"model":"m","input_tokens":{},"num_model_requests":1}}]}}],)"
      R"("has_more":{},"next_page":{}}})",
      day * 86'400, day, !next.empty(), next.empty() ? "null" : '"' + next + '"');
}

constexpr auto refusal = R"({"error":{"message":"Missing scopes: api.usage.read","code":"missing_scope"}})";

} // namespace

TEST_SUITE_BEGIN("api::usage");

TEST_CASE("pages are asked for until none is behind")
{
  Scripted reads;
  reads.answer = [](std::size_t n) { return std::pair{200, page(n + 1, n < 2 ? fmt::format("p{}", n) : "")}; };
  const auto reply = api::UsageReader{reads}.read({.kind = wire::UsageKind::embeddings, .from = from_unix(86'400)});
  REQUIRE(reply.ok());
  REQUIRE(reply.value.size() == 3);
  CHECK(reply.value[2].input == Tokens{3});
  REQUIRE(reads.paths.size() == 3);
  CHECK(reads.paths[0].find("page=") == std::string::npos);
  CHECK(reads.paths[2].ends_with("&page=p1"));
}

TEST_CASE("a page that is refused or cannot be read ends all of it")
{
  for (const auto& [status, body, ending] :
       {std::tuple{403, std::string{refusal}, Ending::refused}, std::tuple{500, std::string{}, Ending::unknown},
        std::tuple{200, std::string{"{}"}, Ending::unknown}}) {
    Scripted reads;
    reads.answer = [&, answer = std::pair{status, body}](std::size_t n) {
      return n == 0 ? std::pair{200, page(1, "p")} : answer;
    };
    const auto reply = api::UsageReader{reads}.read({});
    CHECK(reply.ending == ending);
    CHECK(reply.status == status);
    CHECK_FALSE(reply.trouble.empty());
  }
}

TEST_CASE("pages without an end are no answer")
{
  Scripted reads;
  reads.answer = [](std::size_t) { return std::pair{200, page(1, "again")}; };
  const auto reply = api::UsageReader{reads}.read({});
  CHECK(reply.ending == Ending::unknown);
  CHECK(reply.trouble.find("no end") != std::string::npos);
}

TEST_SUITE_END();
