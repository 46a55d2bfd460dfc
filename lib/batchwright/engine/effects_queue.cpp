// The queue at the server: what is known of its room is asked before a batch is created, and learned from what becomes
// of it.

#include <batchwright/engine/listing.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/waits.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace batchwright::engine {
namespace {

/// How long a listing's word on others' batches holds.
constexpr Millis survey_holds{60'000};

/// When a part that waits is looked at again without a reason.
constexpr Millis between_turns{2'000};
constexpr Millis between_turns_for_room{30'000};

/// What of the server is asked for: batches that may still live.
constexpr Millis longest_life{25 * 3'600'000};

/// No batch takes more of anything, whatever is said of it: sums of many are numbers still.
constexpr std::int64_t most_of_one = 1'000'000'000'000;

std::string text_in(const wire::Metadata& metadata, const std::string& key)
{
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string{} : found->second;
}

std::int64_t number_in(const wire::Metadata& metadata, const std::string& key)
{
  const auto text = text_in(metadata, key);
  std::int64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

/// Whether a batch asks for the model, as far as it tells; a dated snapshot is the model.
bool asks_for(const wire::BatchObject& batch, const std::string& model, const std::string& endpoint)
{
  if (batch.model.empty()) return batch.endpoint == endpoint;
  return batch.model == model || batch.model.starts_with(model + "-");
}

} // namespace

const std::string& Run::model_of(const Part& p) const
{
  return batchwright::model_of(m_job, p);
}

Room Run::room_for(const Part& p) const
{
  const auto& model = model_of(p);
  Room room{.known = m_tools.store.queue(m_job.account, model), .parts = m_tools.store.enqueued(m_job.account, model)};
  if (const auto known = m_surveys.find(model); known != m_surveys.end()) room.foreign = known->second.foreign;
  if (m_job.policy.enqueued_tokens > 0) room.given = static_cast<std::int64_t>(m_job.policy.enqueued_tokens);
  const auto& endpoint = endpoint_of(m_job, p);
  if (endpoint == "/v1/embeddings") room.most_requests = m_tools.profile.enqueued_embeddings;
  return room;
}

/// Parts are built and uploaded side by side; where not all of them find room, it is for the earliest.
void Run::let_earlier_go(std::vector<Action>& actions) const
{
  const auto creates = [](const Action& a) { return a.what == Do::create; };
  if (std::none_of(actions.begin(), actions.end(), creates)) return;
  std::set<int> moving = m_busy;
  for (const auto& a : actions)
    moving.insert(a.part);

  std::map<std::string, std::int64_t> ahead; // by model: tokens of parts on their way to the server
  std::set<int> held;
  for (const auto& p : m_parts) {
    if (p.route != Route::batch || !moving.contains(p.number)) continue;
    const bool asks_for_room = p.state == PartState::queued && m_busy.contains(p.number); // it counts others' first
    if (p.state == PartState::planned || p.state == PartState::uploading || asks_for_room) {
      ahead[model_of(p)] += p.input_tokens.n;
    } else if (p.state == PartState::queued && !is_probe(p) && ahead.contains(model_of(p))) {
      auto& tokens = ahead.at(model_of(p));
      tokens += p.input_tokens.n;
      if (finds_room(room_for(p), tokens, now()) == false) held.insert(p.number);
    }
  }
  std::erase_if(actions, [&](const Action& a) { return creates(a) && held.contains(a.part); });
}

/// Whether others' batches matter and are not known.
bool Run::wants_survey(const Part& p) const
{
  const auto& model = model_of(p);
  if (!counts_others(m_tools.store.queue(m_job.account, model), m_job.policy.enqueued_tokens > 0)) return false;
  const auto known = m_surveys.find(model);
  return known == m_surveys.end() || !is_within(known->second.at, survey_holds, now());
}

/// Counts what lives at the server and is not among our parts that take room.
void Run::survey(const Part& p)
{
  const auto each = p.requests > 0 ? static_cast<double>(p.input_tokens.n) / static_cast<double>(p.requests) : 0.0;
  const auto takes_room = [model = model_of(p), endpoint = endpoint_of(m_job, p)](const wire::BatchObject& b, Instant) {
    const auto phase = wire::phase(b.status);
    const bool lives = phase == wire::BatchPhase::live || phase == wire::BatchPhase::stopping;
    return lives && asks_for(b, model, endpoint);
  };
  const auto work = [this, takes_room, since = Since{.local = now() - longest_life}] {
    return look_through<wire::BatchObject>(
        since, m_tools.clock, [this](const BatchId& after) { return m_server.client.batches(after); }, takes_room);
  };
  on_worker(Do::create, p.number, work, [this, model = model_of(p), each](const BatchLook& look) {
    auto& known = m_surveys[model];
    known = {.foreign = {.seen_at = now()}, .at = now()};
    if (look.failed) return note(Note::Level::detail, "others' batches are not counted: " + look.failed->trouble);
    for (const auto& batch : foreign_among(look.found, model)) {
      const auto told = number_in(batch.metadata, "bw_tokens");
      const auto requests = std::clamp<std::int64_t>(batch.total, 0, most_of_one);
      const auto guessed =
          static_cast<std::int64_t>(std::min(static_cast<double>(requests) * each, static_cast<double>(most_of_one)));
      ++known.foreign.batches;
      known.foreign.requests += requests;
      known.foreign.tokens += std::min(told > 0 ? told : guessed, most_of_one);
    }
  });
}

/// What of a listing is not in the store's sum: others' batches, and ours that were given up, made twice, or belong to
/// a job that is not here any more. Asked after the listing was read: a batch of ours that it shows was recorded before
/// it was made. Where a part's batch has no id yet, it is the newest of that part.
std::vector<wire::BatchObject> Run::foreign_among(const std::vector<wire::BatchObject>& listed,
                                                  const std::string& model) const
{
  std::set<std::string> known;
  std::set<std::pair<std::string, std::string>> unknown; // parts whose batch has no id yet, by job uuid and number
  std::map<std::string, std::string> uuids;
  for (const auto& job : m_tools.store.jobs())
    uuids[job.name] = job.uuid;
  for (const auto& e : m_tools.store.enqueued(m_job.account, model)) {
    if (!e.batch.empty()) known.insert(e.batch.str());
    if (e.state == PartState::creating) unknown.emplace(uuids[e.job], std::to_string(e.part));
  }
  std::vector<wire::BatchObject> foreign;
  std::copy_if(listed.begin(), listed.end(), std::back_inserter(foreign), [&](const wire::BatchObject& b) {
    return !known.contains(b.id.str()) &&
           unknown.erase({text_in(b.metadata, "bw_job_uuid"), text_in(b.metadata, "bw_part")}) == 0;
  });
  return foreign;
}

/// Nothing of the model is sent until there is a reason to ask again.
void Run::queue_says(const Part& p, Turn said)
{
  if (said == Turn::cut) return cut(p);
  const auto room = room_for(p);
  m_shut[model_of(p)] = {said, now() + (said == Turn::wait_for_room ? between_turns_for_room : between_turns)};
  if (said == Turn::wait_for_check) return;
  note(Note::Level::detail, said == Turn::wait_for_other
                                ? fmt::format("part {} lets another job go first", p.number)
                                : fmt::format("part {} waits for room at the server: {} tokens of {} are enqueued",
                                              p.number, enqueued_tokens(room, now()), model_of(p)));
}

void Run::learn(store::Transaction& tx, const Part& p, const std::function<void(Queue&)>& change)
{
  const auto before = m_tools.store.queue(m_job.account, model_of(p));
  auto known = before;
  change(known);
  if (known != before) tx.put(known);
  m_shut.erase(model_of(p));
}

/// The queue is full: the part waits with its file, its items lose no attempt.
void Run::record_no_room(int number, const std::string& message, PartEvent event, const std::string& uuid)
{
  learn_what_was_seen(part(number));
  record(number, [&](Part& changed, store::Transaction& tx) {
    const auto sum = enqueued_tokens(room_for(changed), now());
    move(changed, event);
    changed.batch = {};
    changed.remote = {};
    changed.admitted_at = changed.seen_live_at = std::nullopt;
    ++changed.refusals;
    changed.due.reset();
    if (!uuid.empty()) put_call(tx, uuid, CallState::not_sent);
    learn(tx, changed, [&](Queue& known) {
      learn_refusal(known, sum, message, now());
      learn_put_off(known, now(), now());
    });
  });
  m_surveys.erase(model_of(part(number)));
  note(Note::Level::info, fmt::format("part {} waits for room at the server: {}", number, message));
  pause_if_nothing_goes(part(number));
}

/// The server has let the batch into its queue.
void Run::learn_admitted(store::Transaction& tx, const Part& p)
{
  const auto sum = std::max(p.input_tokens.n, most_at_once(room_for(p)));
  learn(tx, p, [&](Queue& known) { learn_admission(known, sum); });
}

/// Batches that were seen in the queue together, before the next one asks for room there.
void Run::learn_what_was_seen(const Part& p)
{
  const auto room = room_for(p);
  const auto sum = most_at_once(room);
  if (sum <= room.known.admitted_tokens) return;
  store::Transaction tx{m_tools.store};
  learn(tx, p, [&](Queue& known) { learn_admission(known, sum); });
  tx.commit();
}

/// What is put off for a day, with nothing answered in between, will not pass by itself.
void Run::pause_if_nothing_goes(const Part& p)
{
  constexpr Millis longest{24 * 3'600'000};
  const auto since = m_tools.store.queue(m_job.account, model_of(p)).failing_since;
  if (!since || now() < *since + longest) return;
  pause(Pause::quota, fmt::format("nothing that was sent to {} was answered for a day, only put off", model_of(p)));
}

} // namespace batchwright::engine
