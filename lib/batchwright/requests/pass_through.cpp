#include <batchwright/json/json.hpp>
#include <batchwright/requests/body_tokens.hpp>
#include <batchwright/requests/pass_through.hpp>
#include <batchwright/requests/ready_made.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

namespace batchwright::requests {
namespace {

class PassThrough : public Assembler {
public:
  const Request* take(const input::Item& item) override
  {
    ensure(m_document.parse(item.line()), "an item of a request file is a line of JSON");
    const auto line = m_document.root();
    const auto found = check_request(line);
    if (!found.problems.empty()) throw refused(item, found.problems);
    m_request.line.assign(item.line());
    m_request.line += '\n';
    m_request.mark = item.mark;
    m_request.last = item.mark.ordinal;
    m_request.items = 1;
    m_request.model = *found.model;
    m_request.endpoint = *found.url;
    m_request.inputs = found.embedding_inputs;
    const auto body = *line.find("body");
    m_request.texts.body = {static_cast<std::size_t>(body.raw().data() - item.line().data()), body.raw().size()};
    m_request.input_tokens = m_bodies.of(body, *found.url);
    m_request.choices = wire::choices_asked(body);
    m_request.output = wire::output_bound(body);
    if (m_request.output) *m_request.output = *m_request.output * m_request.choices;
    m_request.tier = wire::tier_named(body);
    return &m_request;
  }

  const Request* finish() override { return nullptr; }

  std::string custom_id(const input::Item& item) const override
  {
    const auto id = item.field("custom_id");
    const auto token = id ? id->bytes : std::string_view{};
    if (token.size() < 3 || token.front() != '"') return {}; // take() says what is wrong with it
    return json::decode_lossy(token.substr(1, token.size() - 2));
  }

  Digest digest() override
  {
    const auto& body = m_request.texts.body;
    return m_digester.of(m_request.endpoint, std::string_view{m_request.line}.substr(body.begin, body.size));
  }

  Tokens tokens(const Request& request) override { return request.input_tokens; }

private:
  static Error refused(const input::Item& item, const std::vector<RequestProblem>& problems)
  {
    const auto more = problems.size() > 1 ? fmt::format(" (and {} more)", problems.size() - 1) : std::string{};
    return input::fault_at(
        item, fmt::format("{}{}", problems.front().message, more),
        fmt::format("`batchwright validate '{}'` lists all that the server would refuse; where these "
                    "are records and no requests: --input-format jsonl",
                    item.file));
  }

  json::Document m_document = {};
  BodyTokens m_bodies = {};
  Request m_request = {};
  Digester m_digester = {};
};

} // namespace

std::unique_ptr<Assembler> pass_through()
{
  return std::make_unique<PassThrough>();
}

} // namespace batchwright::requests
