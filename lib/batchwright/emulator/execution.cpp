#include <batchwright/base/error.hpp>
#include <batchwright/emulator/execution.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/unknown_members.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace batchwright::emulator {

Execution::Execution(const Setting& setting, Ledger& ledger, PromptCache& cache, const Which& which, const Files& files,
                     std::vector<Line> lines)
    : m_setting(setting),
      m_ledger(ledger),
      m_cache(cache),
      m_endpoint(which.endpoint),
      m_id_state(mixed(setting.seed ^ mixed(static_cast<std::uint64_t>(which.batch)))),
      m_input(files.input),
      m_output(files.output),
      m_error(files.error),
      m_lines(std::move(lines))
{
  std::shuffle(m_lines.begin(), m_lines.end(), std::mt19937_64{m_id_state});
}

void Execution::load(const Line& line)
{
  m_text.resize(line.length);
  m_input.seek(line.offset);
  std::size_t got = 0;
  while (got < m_text.size()) {
    const auto n = m_input.read(m_text.data() + got, m_text.size() - got);
    ensure(n > 0, "an input file keeps its bytes while its batch runs");
    got += n;
  }
  ensure(m_document.parse(m_text), "a validated line is JSON");
}

json::Value Execution::custom_id() const
{
  return *m_document.root().find("custom_id");
}

std::string Execution::next_id()
{
  return fmt::format("{:016x}", m_id_state = mixed(m_id_state));
}

/// The line of a request that nobody made, with its newline.
std::string Execution::strange_line(const ModelReply& reply)
{
  return response_line("\"stranger-" + next_id() + '"', reply) + '\n';
}

std::string Execution::response_line(std::string_view id, const ModelReply& reply)
{
  std::string out;
  json::Writer w{out};
  w.begin_object().member("id", "batch_req_" + next_id()).key("custom_id").raw(id);
  w.key("response").begin_object().member("status_code", reply.status).member("request_id", next_id());
  w.key("body").raw(reply.body).end_object();
  w.key("error").null();
  w.end_object();
  return finished(out);
}

void Execution::write_error(std::string_view code, std::string_view message)
{
  std::string out;
  json::Writer w{out};
  w.begin_object().member("id", "batch_req_" + next_id()).key("custom_id").raw(custom_id().raw());
  w.key("response").null();
  w.key("error").begin_object().member("code", code).member("message", message).end_object();
  w.end_object();
  m_error.write(finished(out) + '\n');
}

std::string Execution::finished(const std::string& line) const
{
  return m_setting.faults()->extra_fields ? with_unknown_members(line) : line;
}

void Execution::step()
{
  load(m_lines[m_done++]);
  const auto body = *m_document.root().find("body");
  const auto entry = m_ledger.meet(custom_id(), body);
  const auto fate = fate_of(*m_setting.faults(), m_setting.seed, m_endpoint, body, entry.body_sha256, entry.met);
  if (fate == Fate::dropped) return;
  if (fate == Fate::never_ran) {
    write_error("server_error", "The request could not be executed.");
    ++m_progress.failed;
    return;
  }
  const auto now = m_setting.now();
  const Frame frame{.digits = next_id(),
                    .created = unix_seconds(now),
                    .cache = m_setting.faults()->no_prompt_cache ? nullptr : &m_cache};
  const auto reply = answer(m_endpoint, body, fate, frame);
  m_ledger.ran(entry, {.billed = reply.billed(),
                       .inputs = input_digests(m_endpoint, body),
                       .usage = billed_for(m_endpoint, body, reply, now)});
  ++m_progress.executed;
  m_progress.usage += reply.usage;
  deliver(reply, fate);
}

void Execution::deliver(const ModelReply& reply, Fate fate)
{
  auto line = response_line(custom_id().raw(), reply);
  if (!reply.billed()) {
    m_error.write(line += '\n');
    ++m_progress.failed;
    return;
  }
  if (fate == Fate::unreadable) line.resize(line.size() / 2);
  line += '\n';
  m_output.write(line);
  if (fate == Fate::duplicate) m_output.write(line);
  if (fate == Fate::stranger) m_output.write(strange_line(reply));
  if (fate == Fate::garbage) m_output.write("]}this is no JSON{[\n");
  ++m_progress.completed;
}

void Execution::leave_rest(std::string_view code, std::string_view message)
{
  for (; m_done < m_lines.size(); ++m_done) {
    load(m_lines[m_done]);
    m_ledger.leave(custom_id(), *m_document.root().find("body"));
    write_error(code, message);
  }
}

void Execution::rest()
{
  m_output.rest();
  m_error.rest();
  m_text = {};
  m_document = {};
}

void Execution::commit()
{
  m_output.keep();
  m_error.keep();
}

} // namespace batchwright::emulator
