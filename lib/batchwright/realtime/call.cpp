#include <batchwright/base/error.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/realtime/call.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::realtime {
namespace {

void append_head(std::string& out, const Call& call)
{
  append_answer_id(out, call.request, call.attempt);
  out += R"(,"custom_id":)";
  out += call.custom_id;
}

} // namespace

RequestFile::RequestFile(const std::filesystem::path& path, TokensOf tokens_of, CostOf most_cost_of)
    : m_lines(path), m_tokens_of(std::move(tokens_of)), m_most_cost_of(std::move(most_cost_of))
{
}

std::optional<Call> RequestFile::next()
{
  const auto line = m_lines.next();
  if (!line) return std::nullopt;
  ensure(m_document.parse(line->text), "a request file holds request lines");
  const auto root = m_document.root();
  const auto id = root.find("custom_id");
  const auto url = root.find("url");
  const auto body = root.find("body");
  ensure(id && url && url->is(json::Kind::string) && body && body->is(json::Kind::object), "a request line is whole");
  return Call{.request = m_next++,
              .custom_id = std::string{id->raw()},
              .url = url->text().value_or(""),
              .body = std::string{body->raw()},
              .names_tier = body->find("service_tier").has_value(),
              .tokens = m_tokens_of ? m_tokens_of(line->text) : 0,
              .most_cost = m_most_cost_of ? m_most_cost_of(line->text) : PicoUsd{}};
}

void RequestFile::skip()
{
  m_lines.next();
  ++m_next;
}

std::string body_to_send(const Call& call, std::string_view tier)
{
  if (tier.empty() || call.names_tier || call.standard) return call.body;
  std::string member = R"("service_tier":)";
  json::append_string(member, tier);
  const bool is_empty = call.body.find_first_not_of(" \t\r\n", 1) == call.body.size() - 1;
  return fmt::format("{{{}{}{}", member, is_empty ? "" : ",", std::string_view{call.body}.substr(1));
}

std::string answer_line(const Call& call, const api::Answered& answered)
{
  std::string line;
  line.reserve(answered.body.size() + call.custom_id.size() + 160);
  append_head(line, call);
  line += fmt::format(R"(,"response":{{"status_code":{},"request_id":)", answered.status);
  json::append_string(line, answered.request_id);
  line += R"(,"body":)";
  if (answered.is_json) {
    line += answered.body;
  } else {
    line += R"({"error":{"message":)";
    json::append_string(line, answered.trouble);
    line += R"(,"type":null,"param":null,"code":null}})";
  }
  line += "},\"error\":null}\n";
  return line;
}

std::string unanswered_line(const Call& call, std::string_view code, std::string_view message)
{
  std::string line;
  append_head(line, call);
  line += R"(,"response":null,"error":{"code":)";
  json::append_string(line, code);
  line += R"(,"message":)";
  json::append_string(line, message);
  line += "}}\n";
  return line;
}

std::optional<TokensUsed> tokens_used(const api::Answered& answered)
{
  if (!answered.is_json) return std::nullopt;
  json::Document document;
  if (!document.parse(answered.body)) return std::nullopt;
  const auto usage = document.root().find("usage");
  const auto total = usage ? usage->find("total_tokens") : std::nullopt;
  if (!total || !total->integer()) return std::nullopt;
  auto input = usage->find("prompt_tokens");
  if (!input) input = usage->find("input_tokens");
  return TokensUsed{.total = *total->integer(), .input = input ? input->integer() : std::nullopt};
}

} // namespace batchwright::realtime
