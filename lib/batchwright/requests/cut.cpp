// Items that were sent before, or were to be, as parts of their own: cut within the limits, every line measured.

#include <batchwright/input/ordinals.hpp>
#include <batchwright/requests/assembler.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/wire/endpoint.hpp>

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace batchwright::requests {

bool has_room(const Job& job, const Part& part, std::uint64_t inputs, const Request& request, Tokens tokens)
{
  const auto* endpoint = wire::find_endpoint(endpoint_of(job, part));
  const auto most_inputs = endpoint ? endpoint->inputs_per_file : 0;
  return part.requests < job.limits.requests && part.bytes + request.line.size() <= job.limits.bytes &&
         (most_inputs == 0 || inputs + request.inputs <= most_inputs) &&
         (job.limits.tokens == 0 || static_cast<std::uint64_t>((part.input_tokens + tokens).n) <= job.limits.tokens);
}

void add_request(Part& part, const Request& request, Tokens tokens)
{
  part.last = request.last;
  part.items += request.items;
  ++part.requests;
  part.bytes += request.line.size();
  part.input_tokens += tokens;
  part.largest_input = std::max(part.largest_input, tokens);
  part.choices = std::max(part.choices, request.choices);
  if (part.output_bound)
    part.output_bound = request.output ? std::optional{*part.output_bound + *request.output} : std::nullopt;
}

Error too_long(const Job& job, const Request& request)
{
  const auto& mark = request.mark;
  return input::fault_at(
      job.inputs[mark.input], mark,
      fmt::format("its request has {} bytes, a part may have {}", request.line.size(), job.limits.bytes),
      "shorten the item, or allow larger parts with --bytes-per-part");
}

namespace {

class Cutter {
public:
  Cutter(const Job& job, const Part& like, const PlaceOfList& place)
      : m_job(job), m_like(like), m_place(place), m_assembler(assembler_for(job, like)), m_number(like.number)
  {
  }

  std::vector<Part> run(const std::filesystem::path& list)
  {
    auto listed = m_like;
    listed.listed = true;
    input::Ordinals ordinals{listed, list};
    const auto stream = input::open(m_job.inputs, {m_job.skip_bad, {}}, m_like.mark);
    while (const auto wanted = ordinals.next()) {
      const auto* item = stream->next();
      while (item && item->mark.ordinal < *wanted)
        item = stream->next();
      if (!item) {
        throw Error{Fault::input, fmt::format("the input is not what it was: it ends before item {}", *wanted),
                    "put the files back as they were"};
      }
      ensure(item->mark.ordinal == *wanted, "items that are cut into parts stand behind the mark");
      m_waiting.push_back(*wanted);
      if (const auto* request = m_assembler->take(*item)) add(*request);
    }
    if (const auto* request = m_assembler->finish()) add(*request);
    if (m_list) m_list->commit();
    return std::move(m_parts);
  }

private:
  void add(const Request& request)
  {
    if (request.line.size() > m_job.limits.bytes) throw too_long(m_job, request);
    const auto tokens = m_assembler->tokens(request);
    if (m_parts.empty() || !has_room(m_job, m_parts.back(), m_inputs, request, tokens)) begin_part(request);
    m_inputs += request.inputs;
    add_request(m_parts.back(), request, tokens);
    for (std::uint64_t i = 0; i < request.items; ++i)
      m_list->add(m_waiting[i]);
    m_waiting.erase(m_waiting.begin(), m_waiting.begin() + static_cast<std::ptrdiff_t>(request.items));
  }

  void begin_part(const Request& request)
  {
    if (m_list) m_list->commit();
    auto part = m_like;
    part.number = m_number++;
    part.listed = true;
    part.first = request.mark.ordinal;
    part.mark = request.mark;
    part.items = part.requests = part.bytes = 0;
    part.input_tokens = part.largest_input = {};
    part.choices = 1;
    part.output_bound = is_ready_made(m_job) ? std::optional{Tokens{}} : std::nullopt;
    m_list.emplace(m_place(part.number));
    m_inputs = 0;
    m_parts.push_back(std::move(part));
  }

  const Job& m_job;
  const Part& m_like;
  const PlaceOfList& m_place;
  std::unique_ptr<Assembler> m_assembler;
  int m_number;
  std::vector<Ordinal> m_waiting = {}; // of the request that is being made
  std::optional<input::OrdinalWriter> m_list = {};
  std::uint64_t m_inputs = 0;
  std::vector<Part> m_parts = {};
};

} // namespace

std::vector<Part> cut(const Job& job, const Part& like, const std::filesystem::path& list, const PlaceOfList& place)
{
  return Cutter{job, like, place}.run(list);
}

} // namespace batchwright::requests
