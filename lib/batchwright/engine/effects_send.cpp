// What may cost money, and how it is told apart from what did not happen. Each POST carries a uuid of its own, recorded
// before it is sent; where no readable answer came, a listing is asked for that uuid before anything is sent again.

#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/spec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace batchwright::engine {
namespace {

/// Listings are read back to this long before the intent: the server's clock and ours may differ.
constexpr Millis look_back{600'000};

std::string upload_name(const std::string& job, int part, const std::string& uuid)
{
  return fmt::format("{}-{:04}-{}.jsonl", job, part, uuid);
}

/// `created_at` has whole seconds, and so has the `Date` that the server's clock is read from.
constexpr Millis clock_grain{2'000};

/// What a listing was asked for, and what came of it.
template<class T>
struct Look {
  std::optional<api::Reply<wire::Page<T>>> failed = {}; ///< the page that could not be read
  bool ignores_paging = false;                          ///< the server gave the same page again: not all was seen
  std::optional<T> found = {};
  std::optional<Instant> server_time = {};
};

/// Reads a listing, newest first, until `is_it` or until it is older than the intent. `page` asks for one page after an
/// id; `is_it` is told an entry and the moment of the intent by the server's clock.
template<class T, class Page, class IsIt>
Look<T> look_through(Instant begun_at, const Clock& clock, Page page, IsIt is_it)
{
  Look<T> look;
  std::set<std::string> seen; // a server that ignores `after` would give the first page for ever
  for (decltype(T::id) after;;) {
    const auto reply = page(after);
    if (!reply.ok()) {
      look.failed = reply;
      return look;
    }
    look.server_time = reply.server_time;
    const auto intent = reply.server_time ? begun_at + (*reply.server_time - clock.now()) : begun_at;
    for (const auto& entry : reply.value.data) {
      if (is_it(entry, intent)) {
        look.found = entry;
        return look;
      }
      if (entry.created_at && *entry.created_at < intent - look_back) return look;
    }
    if (reply.value.data.empty() || !reply.value.has_more.value_or(true)) return look;
    after = reply.value.data.back().id;
    look.ignores_paging = !seen.insert(after.str()).second;
    if (look.ignores_paging) return look;
  }
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
    });
  });
}

void Run::upload(const Part& p)
{
  const Call call{.uuid = make_uuid(), .part = p.number, .kind = CallKind::upload, .begun_at = now()};
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
      changed.due.reset();
      put_call(tx, uuid, CallState::answered);
    });
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
        call.begun_at, m_tools.clock, [this](const FileId& after) { return m_server.client.files(after); },
        [&](const wire::FileObject& f, Instant) {
          return f.filename.find(call.uuid) != std::string::npos && f.bytes == p.bytes;
        });
  };
  on_worker(Do::look_for_file, p.number, work, [this, number = p.number, uuid = call->uuid](const auto& look) {
    const auto doing = fmt::format("looking for the upload of part {}", number);
    if (look.failed) {
      const auto when = later(number, doing, setback(*look.failed));
      record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
      return;
    }
    record(number, [&](Part& changed, store::Transaction& tx) {
      // Not listed: a second upload costs nothing, so there is no grace time here.
      move(changed, look.found ? PartEvent::file_known : PartEvent::file_absent);
      if (look.found) changed.file = look.found->id;
      changed.due = look.found ? std::nullopt : std::optional{now() + trouble_wait(m_troubles[number])};
      put_call(tx, uuid, look.found ? CallState::adopted : CallState::abandoned);
    });
  });
}

wire::Metadata Run::metadata(const Part& p, const std::string& uuid) const
{
  return {{"bw_call", uuid},
          {"bw_job", m_job.name},
          {"bw_job_uuid", m_job.uuid},
          {"bw_part", std::to_string(p.number)},
          {"bw_attempt", std::to_string(p.attempt)},
          {"bw_first", std::to_string(p.first)},
          {"bw_count", std::to_string(p.items)},
          {"bw_items", std::to_string(m_job.items)},
          {"bw_options", options_digest(m_job)}};
}

void Run::create(const Part& p)
{
  const Call call{.uuid = make_uuid(), .part = p.number, .kind = CallKind::create, .begun_at = now()};
  m_calls.push_back(call);
  record(p.number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::create_begun);
    tx.put(m_job.name, call);
  });
  const auto work = [this, p, endpoint = p.endpoint.empty() ? m_job.request.endpoint : p.endpoint,
                     data = metadata(p, call.uuid)] { return m_server.client.create_batch(p.file, endpoint, data); };
  on_worker(Do::create, p.number, work,
            [this, number = p.number, uuid = call.uuid](const auto& reply) { record_create(number, uuid, reply); });
}

void Run::record_create(int number, const std::string& uuid, const api::Reply<wire::BatchObject>& reply)
{
  const auto doing = fmt::format("creating the batch of part {}", number);
  if (reply.ok()) {
    m_troubles.erase(number);
    record(number, [&](Part& changed, store::Transaction& tx) {
      move(changed, PartEvent::batch_known);
      changed.batch = reply.value.id;
      changed.remote = status_of(reply.value);
      changed.polls = 0;
      changed.due = now() + m_goal.every.value_or(poll_wait(0));
      put_call(tx, uuid, CallState::answered);
    });
    return;
  }
  const auto why = setback(reply);
  if (reply.ending == api::Ending::unknown) { // stays `creating`: the listing decides
    const auto when = trouble(number, doing, why);
    record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
    return;
  }
  if (reply.ending == api::Ending::refused) {
    const auto& [code, type, message, param] = reply.error;
    if (wire::means_no_room(code, message)) return record_no_room(number, message, PartEvent::batch_refused, uuid);
    if (wire::means_lost_file(code, message)) return record_lost_file(number, why.words, uuid);
  }
  record(number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::batch_absent);
    put_call(tx, uuid, CallState::not_sent);
  });
  const auto when = later(number, doing, why);
  record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
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
    changed.file = {};
    changed.batch = {};
    changed.remote = {};
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

/// The queue is full: the part waits with its file, its items lose no attempt, and nothing more is created until a live
/// batch ends or the pause is over.
void Run::record_no_room(int number, const std::string& message, PartEvent event, const std::string& uuid)
{
  const auto when = now() + refusal_wait(part(number).refusals + 1);
  record(number, [&](Part& changed, store::Transaction& tx) {
    move(changed, event);
    changed.batch = {};
    changed.remote = {};
    ++changed.refusals;
    changed.due = when;
    if (!uuid.empty()) put_call(tx, uuid, CallState::not_sent);
    queue_waits(tx, number, when);
  });
  note(Note::Level::info, fmt::format("part {} waits for room at the server: {}", number, message));
}

void Run::look_for_batch(const Part& p)
{
  const auto* call = call_of(p.number);
  if (!call) {
    record(p.number, [](Part& changed, store::Transaction&) { move(changed, PartEvent::batch_absent); });
    return;
  }
  const auto is_ours = [p, call = *call](const wire::BatchObject& b, Instant intent) {
    const auto uuid = b.metadata.find("bw_call");
    if (uuid != b.metadata.end()) return uuid->second == call.uuid;
    // A server that keeps no metadata: an older batch of the same file may be one that it refused.
    return b.metadata.empty() && b.input_file == p.file && b.created_at && *b.created_at >= intent - clock_grain;
  };
  const auto work = [this, begun_at = call->begun_at, is_ours] {
    return look_through<wire::BatchObject>(
        begun_at, m_tools.clock, [this](const BatchId& after) { return m_server.client.batches(after); }, is_ours);
  };
  on_worker(Do::look_for_batch, p.number, work, [this, number = p.number, call = *call](const auto& look) {
    const auto doing = fmt::format("looking for the batch of part {}", number);
    if (look.ignores_paging && part(number).state == PartState::abandoned) {
      record_nothing_of_abandoned(number, doing, {.words = "the server's list of batches cannot be read to its end"});
      return;
    }
    if (look.ignores_paging) {
      pause(Pause::unknown_submission,
            fmt::format("{}: the server's list of batches cannot be read to its end", doing));
      return;
    }
    if (look.failed) {
      if (record_nothing_of_abandoned(number, doing, setback(*look.failed))) return;
      const int status = look.failed->status;
      if (status == 403 || status == 404 || status == 405 || status == 501) {
        pause(Pause::unknown_submission,
              fmt::format("{}: the server cannot be asked: {}", doing, look.failed->trouble));
        return;
      }
      const auto when = later(number, doing, setback(*look.failed));
      record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
      return;
    }
    record(number, [&](Part& changed, store::Transaction& tx) {
      changed.due.reset();
      if (look.found) {
        move(changed, PartEvent::batch_known);
        changed.batch = look.found->id;
        changed.remote = status_of(*look.found);
        changed.polls = 0;
        put_call(tx, call.uuid, CallState::adopted);
      } else if (!call.first_look_at) {
        const auto known =
            std::find_if(m_calls.begin(), m_calls.end(), [&](const Call& c) { return c.uuid == call.uuid; });
        known->first_look_at = now();
        known->server_time = look.server_time;
        changed.due = now() + m_job.policy.adopt_grace;
        put_call(tx, call.uuid, CallState::intended);
      } else {
        move(changed, PartEvent::batch_absent);
        put_call(tx, call.uuid, CallState::abandoned);
      }
    });
  });
}

} // namespace batchwright::engine
