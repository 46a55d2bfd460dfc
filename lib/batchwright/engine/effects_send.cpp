// Request files on their way to the server. Each upload carries a uuid of its own, recorded before it is sent; where no
// readable answer came, a listing is asked for that uuid before anything is sent again.

#include <batchwright/base/files.hpp>
#include <batchwright/engine/listing.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/queue.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace batchwright::engine {
namespace {

std::string upload_name(const std::string& job, int part, const std::string& uuid)
{
  return fmt::format("{}-{:04}-{}.jsonl", job, part, uuid);
}

} // namespace

void Run::build(const Part& p)
{
  const auto work = [this, job = m_job, p, files = request_files(p)] {
    return m_pins.hold([&] { return requests::build(job, p, files); });
  };
  on_worker(Do::build, p.number, work, [this, number = p.number](const requests::Built& built) {
    record(number, [&](Part& changed, store::Transaction&) {
      changed.requests = built.requests;
      changed.bytes = built.bytes;
      changed.sha256 = built.sha256;
      if (changed.listed) changed.input_tokens = built.input_tokens;
    });
  });
}

void Run::upload(const Part& p)
{
  const auto call = intent(CallKind::upload, p.number);
  m_calls.push_back(call);
  record(p.number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::upload_begun);
    tx.put(m_job.name, call);
  });

  auto gauge = std::make_shared<Gauge>();
  gauge->phase = Phase::uploading;
  gauge->total = p.bytes;
  m_gauges[p.number] = gauge;
  const auto work = [this, gauge, path = m_files.requests(p.number),
                     file_name = upload_name(m_job.name, p.number, call.uuid)] {
    return m_server.client.upload(path, file_name, [gauge](std::uint64_t bytes) { gauge->done = bytes; });
  };
  on_worker(Do::upload, p.number, work,
            [this, number = p.number, uuid = call.uuid](const auto& reply) { record_upload(number, uuid, reply); });
}

void Run::record_upload(int number, const std::string& uuid, const api::Reply<wire::FileObject>& reply)
{
  const auto doing = fmt::format("uploading part {}", number);
  const bool cut = reply.ok() && reply.value.bytes != 0 && reply.value.bytes != part(number).bytes;
  if (reply.ok() && !cut) {
    m_troubles.erase(number);
    record(number, [&](Part& changed, store::Transaction& tx) {
      move(changed, PartEvent::file_known);
      changed.file = reply.value.id;
      changed.file_created_at = reply.value.created_at;
      changed.due.reset();
      put_call(tx, uuid, CallState::answered);
    });
    discard_uploaded(m_job, part(number), m_files);
    return;
  }
  auto why = setback(reply);
  if (reply.ending != api::Ending::unknown) { // else it stays `uploading`: the listing decides
    record(number, [&](Part& changed, store::Transaction& tx) {
      move(changed, PartEvent::file_absent);
      put_call(tx, uuid, cut ? CallState::answered : CallState::not_sent);
    });
  }
  if (cut) why.words = fmt::format("the server stored {} bytes of {}", reply.value.bytes, part(number).bytes);
  const auto when =
      cut || reply.ending == api::Ending::unknown ? trouble(number, doing, why) : later(number, doing, why);
  record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
}

void Run::look_for_file(const Part& p)
{
  const auto* call = call_of(p.number);
  if (!call) { // a call that was answered, but whose answer was not recorded with the part, cannot be: one commit
    record(p.number, [](Part& changed, store::Transaction&) { move(changed, PartEvent::file_absent); });
    return;
  }
  const auto work = [this, p, call = *call] {
    return look_through<wire::FileObject>(
        since_oldest({call}), m_tools.clock, [this](const FileId& after) { return m_server.client.files(after); },
        [&](const wire::FileObject& f, Instant) {
          return f.filename.find(call.uuid) != std::string::npos && f.bytes == p.bytes;
        });
  };
  on_worker(Do::look_for_file, p.number, work, [this, number = p.number, uuid = call->uuid](const auto& look) {
    const auto doing = fmt::format("looking for the upload of part {}", number);
    const auto status = look.failed ? look.failed->status : 0;
    const bool cannot_be_asked = status == 403 || status == 404 || status == 405 || status == 501;
    if (look.failed && look.found.empty() && !cannot_be_asked) {
      const auto when = later(number, doing, setback(*look.failed));
      record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
      return;
    }
    const bool found = !look.found.empty();
    record(number, [&](Part& changed, store::Transaction& tx) {
      // Not listed, or nobody can tell: a second upload costs nothing, so there is no grace time here.
      move(changed, found ? PartEvent::file_known : PartEvent::file_absent);
      if (found) changed.file = look.found.front().id;
      if (found) changed.file_created_at = look.found.front().created_at;
      changed.due = found ? std::nullopt : std::optional{now() + trouble_wait(m_troubles[number])};
      put_call(tx, uuid, found ? CallState::adopted : CallState::abandoned);
    });
    discard_uploaded(m_job, part(number), m_files);
  });
}

/// The uploaded file is gone: it is sent again, the first time at once, then after growing waits, since a server that
/// keeps no files would be sent them for ever.
void Run::record_lost_file(int number, std::string_view words, const std::string& uuid)
{
  const auto sent = uploads_of(number);
  const auto when = sent > 1 ? std::optional{now() + refusal_wait(sent - 1)} : std::nullopt;
  note(Note::Level::warning,
       fmt::format("the file of part {} is lost at the server ({}); uploading it again{}", number, words,
                   when ? fmt::format(" in {} min", (*when - now()).count() / 60'000) : ""));
  record(number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::file_lost);
    forget_file(changed, m_files);
    changed.batch = {};
    changed.remote = {};
    changed.admitted_at = changed.seen_live_at = std::nullopt;
    changed.due = when;
    if (!uuid.empty()) put_call(tx, uuid, CallState::not_sent);
  });
}

/// How often the server told the id of a file of this part.
int Run::uploads_of(int number) const
{
  int uploads = 0;
  for (const auto state : {CallState::answered, CallState::adopted}) {
    for (const auto& call : m_tools.store.calls(m_job.name, state))
      uploads += call.part == number && call.kind == CallKind::upload ? 1 : 0;
  }
  return uploads;
}

} // namespace batchwright::engine
