// The members of a merged record. Texts are copied as they stand in the answer.

#include <batchwright/base/error.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/model/print.hpp>
#include <batchwright/results/record.hpp>
#include <batchwright/wire/vector.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::results {
namespace {

constexpr std::array<std::string_view, member_count> names{"index", "custom_id",     "status",     "output",  "error",
                                                           "paid",  "finish_reason", "route",      "attempt", "model",
                                                           "usage", "cost_usd",      "tool_calls", "response"};

/// A JSON string whose inside stands in the answer, or null where there is none.
void append_token(std::string& out, std::string_view token)
{
  if (token.empty()) {
    out += "null";
    return;
  }
  out += '"';
  out += token;
  out += '"';
}

} // namespace

std::string_view name(Member member)
{
  return names.at(static_cast<std::size_t>(member));
}

std::optional<Member> member_named(std::string_view word)
{
  const auto* const found = std::find(names.begin(), names.end(), word);
  return found == names.end() ? std::nullopt : std::optional{static_cast<Member>(found - names.begin())};
}

Record::Record(const Job& job) : m_user_ids(has_user_ids(job))
{
  if (!job.request.schema.empty()) m_documents.emplace(job.request.schema);
}

void Record::take(const Outcome& outcome)
{
  m_outcome = outcome;
  take_source(*outcome.from);
  if (!outcome.answer.empty()) {
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    m_answer = wire::read_answer(m_document.root(), m_source->endpoint);
  }
  for (auto& inside : m_insides)
    inside.is_there = false;
}

bool Record::reads_answer(const Outcome& outcome, Member member) const
{
  switch (member) {
  case Member::index:
  case Member::status:
  case Member::paid:
  case Member::route:
    return false;
  case Member::custom_id:
    return m_user_ids;
  case Member::error:
    return outcome.status == Status::failed;
  default:
    return true;
  }
}

/// What is the same for all outcomes of a file is worked out once.
void Record::take_source(const OutcomeFile& source)
{
  if (m_source == &source && m_part == source.part) return; // another may stand where one was that is gone
  m_source = &source;
  m_part = source.part;
  m_model.clear();
  json::append_escaped(m_model, source.model);
}

void Record::append(std::string& out, Member member)
{
  switch (member) {
  case Member::index:
    fmt::format_to(std::back_inserter(out), "{}", m_outcome.ordinal);
    return;
  case Member::custom_id:
    return append_custom_id(out);
  case Member::status:
    return append_token(out, name(m_outcome.status));
  case Member::output:
    out += output();
    return;
  case Member::error:
    return append_error(out);
  case Member::paid:
    out += is_paid() ? "true" : "false";
    return;
  case Member::finish_reason:
    return append_token(out, m_answer.finish_reason);
  case Member::route:
    return append_token(out, name(m_source->route));
  case Member::attempt:
    fmt::format_to(std::back_inserter(out), "{}", attempt());
    return;
  case Member::model:
    return append_token(out, m_answer.model.empty() ? m_model : m_answer.model);
  case Member::usage:
    return append_usage(out);
  case Member::cost_usd:
    return append_cost(out);
  case Member::tool_calls:
    out += has_calls() ? std::string_view{m_answer.calls} : "null";
    return;
  case Member::response:
    return append_response(out);
  }
}

std::optional<std::string_view> Record::find(Member member, std::string_view path)
{
  auto& inside = m_insides.at(static_cast<std::size_t>(member));
  if (!inside.is_there) {
    inside.text.clear();
    append(inside.text, member);
    ensure(inside.document.parse(inside.text), "a member of a record is JSON");
    inside.is_there = true;
  }
  const auto value = inside.document.root().along(path);
  return value ? std::optional{value->raw()} : std::nullopt;
}

std::string Record::error_words() const
{
  return m_outcome.status == Status::failed ? fmt::format("{}: {}", m_outcome.code, message()) : std::string{};
}

const std::vector<std::string>& Record::document_fields() const
{
  static const std::vector<std::string> none;
  return m_documents ? m_documents->fields() : none;
}

/// Documents where they keep to the schema; an answer that cannot be used keeps its text; vectors are numbers.
std::string_view Record::output()
{
  if (m_documents && m_outcome.status == Status::succeeded) return m_documents->output(m_answer);
  if (!m_answer.is_vector) return m_answer.output();
  m_scratch.clear();
  wire::append_numbers(m_scratch, m_answer.output());
  return m_scratch;
}

/// In the server's words, or where the answer does not keep to the schema.
std::string Record::message() const
{
  if (!m_documents || m_outcome.code != wire::code_schema) return m_answer.message;
  return m_documents->violation(m_answer).value_or("the answer does not keep to the schema");
}

/// A part in real time sends again by itself: an answer's own id tells at which attempt it came.
int Record::attempt() const
{
  if (m_source->route != Route::realtime) return m_source->attempt;
  const auto id = m_document.root().find("id");
  const auto told = id && id->is(json::Kind::string) ? attempt_in_id(id->token()) : std::nullopt;
  return told.value_or(m_source->attempt);
}

void Record::append_custom_id(std::string& out) const
{
  if (m_user_ids) {
    const auto id = m_document.root().find("custom_id");
    ensure(id.has_value(), "an answer line has a custom_id");
    out += id->raw();
  } else {
    append_token(out, default_custom_id(m_outcome.ordinal));
  }
}

void Record::append_error(std::string& out) const
{
  if (m_outcome.status == Status::succeeded) {
    out += "null";
    return;
  }
  json::Writer error{out};
  error.begin_object().member("code", m_outcome.code).member("message", message()).key("http_status");
  if (m_answer.http_status == 0) {
    error.null();
  } else {
    error.integer(m_answer.http_status);
  }
  error.key("request_id");
  append_token(out, m_answer.request_id);
  error.end_object();
}

void Record::append_usage(std::string& out) const
{
  const auto& usage = m_answer.usage;
  if (!usage) {
    out += "null";
    return;
  }
  json::Writer{out}
      .begin_object()
      .member("input_tokens", usage->input.n)
      .member("cached_tokens", usage->cached.n)
      .member("output_tokens", usage->output.n)
      .member("reasoning_tokens", usage->reasoning.n)
      .end_object();
}

/// What was taken over was paid for by those who asked first.
bool Record::is_paid() const
{
  return m_outcome.paid && m_source->route != Route::reused;
}

/// 0 where nothing was paid; null where nobody can tell: no price, or an answer without usage. Some answers tell no
/// usage, as moderations do, which cost nothing.
void Record::append_cost(std::string& out) const
{
  const auto& prices = m_source->prices;
  const auto rates = prices ? money::rates_for(*prices, m_source->route, m_answer.tier) : std::nullopt;
  if (!is_paid()) {
    out += '0';
  } else if (rates && (m_answer.usage || money::is_free(*rates))) {
    const auto usage = m_answer.usage.value_or(Usage{});
    out += exact_usd(*money::cost_of_answer(usage, *prices, m_source->route, m_answer.tier));
  } else {
    out += "null";
  }
}

/// `status_code`, `request_id` and `body`, as they stand.
void Record::append_response(std::string& out) const
{
  const auto response = m_document.root().find("response");
  out += response ? response->raw() : "null";
}

} // namespace batchwright::results
