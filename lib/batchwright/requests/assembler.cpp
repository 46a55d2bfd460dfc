#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/assembler.hpp>
#include <batchwright/requests/body_tokens.hpp>
#include <batchwright/requests/overrides.hpp>
#include <batchwright/requests/pass_through.hpp>
#include <batchwright/wire/endpoint.hpp>
#include <batchwright/wire/request.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace batchwright::requests {
namespace {

/// What every pack's custom_id may have of the bytes of its line: enough for any one run. What one of several runs has
/// beyond that, its inputs have less.
constexpr std::size_t usual_id = 30;

/// How many bytes a pack's line has beside its inputs.
std::uint64_t overhead(const LineMaker& maker)
{
  std::string line;
  LineTexts texts;
  maker.append_pack(line, std::string(usual_id, '0'), "", texts);
  return line.size();
}

std::uint64_t room_for_inputs(const LineMaker& maker, std::uint64_t bytes_per_line)
{
  const auto taken = overhead(maker);
  return std::min(wire::bytes_per_pack, bytes_per_line > taken ? bytes_per_line - taken : 0);
}

/// What every request has beside its items' texts.
Tokens frame_tokens(const RequestSpec& spec, const LineMaker& maker)
{
  auto tokens = maker.constant_tokens();
  if (!wire::has_output_tokens(spec.endpoint)) return tokens;
  tokens += money::tokens_per_reply + money::tokens_per_message;
  return spec.system.empty() ? tokens : tokens + money::tokens_per_message;
}

/// Whether items fill more of a request than texts of a frame: what they fill in must be read to be counted.
bool must_be_read(const RequestSpec& spec)
{
  return !spec.body.empty() || !spec.messages.empty() || spec.inputs_per_request > 1;
}

/// Texts that often come again, as system messages do, are counted once.
class TokenCounter {
public:
  TokenCounter(const RequestSpec& spec, const LineMaker& maker)
      : m_reads(must_be_read(spec)), m_endpoint(spec.endpoint), m_frame(m_reads ? Tokens{} : frame_tokens(spec, maker))
  {
  }

  Tokens of(const Request& request)
  {
    if (m_reads) return of_body(request.line);
    const auto& filled = request.texts.filled;
    if (m_known.size() < filled.size()) m_known.resize(filled.size());
    auto tokens = m_frame;
    for (std::size_t i = 0; i < filled.size(); ++i) {
      const auto text = std::string_view{request.line}.substr(filled[i].begin, filled[i].size);
      tokens += i + 1 == filled.size() ? money::estimate_tokens_escaped(text) : known(m_known[i], text);
    }
    return tokens;
  }

private:
  struct Known {
    std::string text = {};
    Tokens tokens = {};
  };

  Tokens of_body(const std::string& line)
  {
    ensure(m_document.parse(line), "a request of ours is a line of JSON");
    return m_bodies.of(*m_document.root().find("body"), m_endpoint);
  }

  static Tokens known(Known& last, std::string_view text)
  {
    if (last.text != text) last = {std::string{text}, money::estimate_tokens_escaped(text)};
    return last.tokens;
  }

  bool m_reads;
  std::string m_endpoint;
  Tokens m_frame; // of every request
  std::vector<Known> m_known = {};
  json::Document m_document = {};
  BodyTokens m_bodies = {};
};

class FromTemplates : public Assembler {
public:
  FromTemplates(const Job& job, std::uint64_t inputs_per_request)
      : m_endpoint(job.request.endpoint),
        m_maker(job.request),
        m_tokens(job.request, m_maker),
        m_packs(job.request.inputs_per_request > 1),
        m_most_items(std::min(inputs_per_request, most_pack_items)),
        m_most_bytes(m_packs ? room_for_inputs(m_maker, job.limits.bytes) : 0)
  {
  }

  const Request* take(const input::Item& item) override;
  const Request* finish() override;
  std::string custom_id(const input::Item& item) const override { return m_maker.custom_id(item); }
  Digest digest() override;
  Tokens tokens(const Request& request) override { return m_tokens.of(request); }

private:
  bool has_room_for(Ordinal ordinal) const;
  void close();

  std::string m_endpoint;
  LineMaker m_maker;
  TokenCounter m_tokens;
  bool m_packs; // a job that packs has ids of packs throughout, though a part may have one item in each
  std::uint64_t m_most_items;
  std::uint64_t m_most_bytes; // of the inputs of a pack
  Request m_open = {};        // the pack being filled: without its line yet
  PackId m_items = {};        // of the open pack
  std::string m_inputs = {};  // of the open pack
  std::string m_input = {};
  bool m_alone = false; // the open pack holds one input that no other may join
  Request m_done = {};
  Digester m_digester = {};
  Request m_alone_in_pack = {}; // the item taken last, in a request of its own
};

const Request* FromTemplates::take(const input::Item& item)
{
  if (!m_packs) {
    m_done.line.clear();
    m_maker.append(m_done.line, item, m_done.texts);
    m_done.mark = item.mark;
    m_done.last = item.mark.ordinal;
    m_done.items = m_done.inputs = 1;
    return &m_done;
  }

  m_input.clear();
  m_maker.append_input(m_input, item);
  const bool goes_alone = m_input.size() > wire::bytes_surely_one_input;
  const bool completes = m_open.items > 0 && (goes_alone || m_alone || !has_room_for(item.mark.ordinal));
  if (completes) close();
  m_alone = goes_alone;
  if (m_open.items == 0) {
    m_open.mark = item.mark;
  } else {
    m_inputs += ',';
  }
  m_inputs += m_input;
  m_items.add(item.mark.ordinal);
  m_open.last = item.mark.ordinal;
  m_open.inputs = ++m_open.items;
  return completes ? &m_done : nullptr;
}

const Request* FromTemplates::finish()
{
  if (m_open.items == 0) return nullptr;
  close();
  return &m_done;
}

Digest FromTemplates::digest()
{
  auto& alone = m_packs ? m_alone_in_pack : m_done;
  if (m_packs) {
    alone.line.clear();
    m_maker.append_pack(alone.line, "", m_input, alone.texts);
  }
  const auto& body = alone.texts.body;
  return m_digester.of(m_endpoint, std::string_view{alone.line}.substr(body.begin, body.size));
}

/// How long the custom_id of a pack becomes with an item more, or up to how long.
std::size_t id_size(const PackId& pack, Ordinal next)
{
  if (pack.runs.size() == 1 && next - pack.runs.front().last() == 1) return usual_id;
  auto grown = pack;
  grown.add(next);
  return std::max(usual_id, pack_custom_id(grown).size());
}

/// Whether the open pack may take this item, whose input is at hand.
bool FromTemplates::has_room_for(Ordinal ordinal) const
{
  const auto id = id_size(m_items, ordinal);
  return m_open.items < m_most_items && id <= longest_pack_id &&
         m_inputs.size() + 1 + m_input.size() + (id - usual_id) <= m_most_bytes;
}

void FromTemplates::close()
{
  std::swap(m_done, m_open);
  m_done.line.clear();
  m_maker.append_pack(m_done.line, pack_custom_id(m_items), m_inputs, m_done.texts);
  m_inputs.clear();
  m_items.runs.clear();
  m_open.items = 0;
}

} // namespace

std::unique_ptr<Assembler> assembler_for(const Job& job, std::uint64_t inputs_per_request)
{
  if (is_ready_made(job)) return pass_through();
  return std::make_unique<FromTemplates>(job, inputs_per_request);
}

std::unique_ptr<Assembler> assembler_for(const Job& job, const Part& part)
{
  auto asked = job;
  asked.request = spec_of(job, part);
  return assembler_for(asked, part.inputs_per_request > 0 ? part.inputs_per_request : job.request.inputs_per_request);
}

} // namespace batchwright::requests
