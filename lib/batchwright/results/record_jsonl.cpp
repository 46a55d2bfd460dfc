// The merged record as a JSON line. Texts are copied as they stand in the answer.

#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/print.hpp>
#include <batchwright/results/record.hpp>
#include <batchwright/wire/answer.hpp>
#include <batchwright/wire/vector.hpp>

#include <optional>

namespace batchwright::results {
namespace {

/// A JSON string whose inside stands in the answer, or null where there is none.
void token_member(json::Writer& record, std::string_view name, std::string_view token, std::string& scratch)
{
  record.key(name);
  if (token.empty()) {
    record.null();
    return;
  }
  scratch = '"';
  scratch += token;
  scratch += '"';
  record.raw(scratch);
}

void usage_member(json::Writer& record, const std::optional<Usage>& usage)
{
  record.key("usage");
  if (!usage) {
    record.null();
    return;
  }
  record.begin_object()
      .member("input_tokens", usage->input.n)
      .member("cached_tokens", usage->cached.n)
      .member("output_tokens", usage->output.n)
      .member("reasoning_tokens", usage->reasoning.n)
      .end_object();
}

/// Some answers tell no usage, as moderations do, which cost nothing.
bool is_free(const money::Rates& rates)
{
  return rates.input == Price{} && rates.output == Price{};
}

class JsonlWriter : public RecordWriter {
public:
  explicit JsonlWriter(const Job& job) : m_user_ids(has_user_ids(job)) {}

  void begin(std::string&) override {}
  void pass(std::string&) override {}
  void end(std::string&) override {}

  void add(std::string& out, const Outcome& outcome) override
  {
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    const auto line = m_document.root();
    take_source(*outcome.from);
    const auto answer = wire::read_answer(line, m_source->endpoint);
    json::Writer record{out};
    record.begin_object().member("index", static_cast<std::int64_t>(outcome.ordinal));
    id_member(record, outcome, line);
    record.member("status", name(outcome.status)).key("output").raw(output_json(answer, m_scratch));
    error_member(record, outcome, answer);
    record.flag("paid", outcome.paid);
    token_member(record, "finish_reason", answer.finish_reason, m_scratch);
    record.member("route", name(m_source->route)).member("attempt", m_source->attempt);
    token_member(record, "model", answer.model.empty() ? m_model : answer.model, m_scratch);
    usage_member(record, answer.usage);
    cost_member(record, outcome, answer.usage);
    if (!answer.calls.empty()) record.key("tool_calls").raw(answer.calls);
    record.end_object();
    out += '\n';
  }

private:
  /// What is the same for all outcomes of a file is worked out once.
  void take_source(const OutcomeFile& source)
  {
    if (m_source == &source) return;
    m_source = &source;
    m_model.clear();
    json::append_escaped(m_model, source.model);
    m_rates = source.prices ? money::rates_for(*source.prices, source.route) : std::nullopt;
  }

  void id_member(json::Writer& record, const Outcome& outcome, const json::Value& line) const
  {
    if (m_user_ids) {
      const auto id = line.find("custom_id");
      ensure(id.has_value(), "an answer line has a custom_id");
      record.key("custom_id").raw(id->raw());
    } else {
      record.member("custom_id", std::string_view{default_custom_id(outcome.ordinal)});
    }
  }

  void error_member(json::Writer& record, const Outcome& outcome, const wire::Answer& answer)
  {
    record.key("error");
    if (outcome.status == Status::succeeded) {
      record.null();
      return;
    }
    record.begin_object().member("code", outcome.code).member("message", std::string_view{answer.message});
    record.key("http_status");
    if (answer.http_status == 0) {
      record.null();
    } else {
      record.integer(answer.http_status);
    }
    token_member(record, "request_id", answer.request_id, m_scratch);
    record.end_object();
  }

  /// 0 where nothing was paid; null where nobody can tell: no price, or an answer without usage.
  void cost_member(json::Writer& record, const Outcome& outcome, const std::optional<Usage>& usage) const
  {
    record.key("cost_usd");
    if (!outcome.paid) {
      record.integer(0);
    } else if (m_rates && (usage || is_free(*m_rates))) {
      record.raw(exact_usd(money::cost(usage.value_or(Usage{}), *m_rates)));
    } else {
      record.null();
    }
  }

  bool m_user_ids;
  const OutcomeFile* m_source = nullptr; // of the last outcome
  std::string m_model = {};              // its model, as a token
  std::optional<money::Rates> m_rates = {};
  json::Document m_document = {};
  std::string m_scratch = {};
};

} // namespace

std::string_view output_json(const wire::Answer& answer, std::string& scratch)
{
  if (!answer.is_vector) return answer.output();
  scratch.clear();
  wire::append_numbers(scratch, answer.output());
  return scratch;
}

std::unique_ptr<RecordWriter> jsonl_writer(const Job& job)
{
  return std::make_unique<JsonlWriter>(job);
}

} // namespace batchwright::results
