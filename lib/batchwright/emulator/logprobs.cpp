#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/logprobs.hpp>
#include <batchwright/emulator/model_reply.hpp>

#include <fmt/format.h>

namespace batchwright::emulator {
namespace {

constexpr std::int64_t most_alternatives = 20;

void write_token(json::Writer& w, std::string_view token, double logprob)
{
  w.member("token", token).key("logprob").raw(fmt::format("{}", logprob)).key("bytes").begin_array();
  for (const unsigned char byte : token)
    w.integer(byte);
  w.end_array();
}

double logprob_of(std::string_view token)
{
  return -static_cast<double>(mixed(fnv1a(token)) % 1000 + 1) / 1000;
}

} // namespace

std::optional<ApiError> fault_of_top_logprobs(const json::Value& body)
{
  return fault_of_number(body, "top_logprobs", 0, most_alternatives);
}

void write_logprobs(json::Writer& w, std::string_view text, const json::Value& body)
{
  const auto top = cap_in(body, "top_logprobs", 0);
  w.begin_array();
  while (!text.empty()) {
    const auto token = cut_to_tokens(text, 1);
    const auto logprob = logprob_of(token);
    text.remove_prefix(token.size());
    w.begin_object();
    write_token(w, token, logprob);
    w.key("top_logprobs").begin_array();
    for (std::int64_t n = 0; n < top; ++n) {
      w.begin_object();
      write_token(w, n == 0 ? std::string{token} : fmt::format(" {}", n), logprob - static_cast<double>(n));
      w.end_object();
    }
    w.end_array().end_object();
  }
  w.end_array();
}

} // namespace batchwright::emulator
