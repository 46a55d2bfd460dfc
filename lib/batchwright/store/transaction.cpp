#include <batchwright/base/error.hpp>
#include <batchwright/store/rows.hpp>
#include <batchwright/store/state.hpp>

#include <set>

namespace batchwright::store {

struct Transaction::State {
  Store::State& store;
  std::set<std::string> touched = {}; // jobs whose sum is checked at the commit
  bool open = false;
};

namespace {

using namespace Poco::Data::Keywords;
using Poco::Data::Session;

template<class Row>
void replace_rows(Session& session, std::string_view table, std::string job, std::vector<Row> rows)
{
  session << fmt::format("DELETE FROM {} WHERE job = ?", table), use(job), now;
  int position = 0;
  for (auto& row : rows) {
    session << upsert<Row>(table, {"job", "position"}), use(job), use(position), use(row), now;
    ++position;
  }
}

bool has_job(Session& session, std::string name)
{
  int count = 0;
  session << "SELECT count(*) FROM jobs WHERE name = ?", into(count), use(name), now;
  return count > 0;
}

void write(Session& session, Job job)
{
  for (auto& input : job.inputs) {
    if (input.spooled) input.path = std::filesystem::path{input.path}.filename().native();
  }
  session << upsert<Job>("jobs"), use(job), now;
  replace_rows(session, "inputs", job.name, job.inputs);
  replace_rows(session, "body_fields", job.name, job.request.set);
  replace_rows(session, "urgent", job.name, job.urgent);
}

/// Items with an outcome plus items of live parts are all items; a superseded part counts nothing.
void check_sum(Session& session, std::string job)
{
  Poco::Int64 items = 0;
  Poco::Int64 sum = 0;
  int settled = static_cast<int>(PartState::settled);
  int abandoned = static_cast<int>(PartState::abandoned);
  int superseded = static_cast<int>(PartState::superseded);
  session << "SELECT jobs.items, coalesce(sum(CASE WHEN parts.state IN (?, ?) THEN parts.succeeded + parts.failed"
             " WHEN parts.state = ? THEN 0 ELSE parts.items - parts.elsewhere END), 0)"
             " FROM jobs LEFT JOIN parts ON parts.job = jobs.name WHERE jobs.name = ?",
      into(items), into(sum), use(settled), use(abandoned), use(superseded), use(job), now;
  ensure(sum == items, fmt::format("job {}: outcomes and live parts add up to {}, not to {} items", job, sum, items));
}

} // namespace

Transaction::Transaction(Store& store) : m_state(std::make_unique<State>(State{*store.m_state}))
{
  m_state->store.run([](Session& session) { session << "BEGIN IMMEDIATE", now; });
  m_state->open = true;
}

Transaction::~Transaction()
{
  if (!m_state->open) return;
  try {
    *m_state->store.session << "ROLLBACK", now;
  } catch (const Poco::Exception&) { // after some failures SQLite has rolled back by itself
  }
}

void Transaction::add(const Job& job)
{
  m_state->store.run([&](Session& session) {
    if (has_job(session, job.name)) {
      throw Error{Fault::busy, fmt::format("job {} was just made by another process", job.name),
                  "run the same command again, or give another --name"};
    }
    write(session, job);
  });
  m_state->touched.insert(job.name);
}

void Transaction::update(const Job& job)
{
  m_state->store.run([&](Session& session) {
    ensure(has_job(session, job.name), fmt::format("job {} is not in the store", job.name));
    write(session, job);
  });
  m_state->touched.insert(job.name);
}

void Transaction::wish_cancel(const std::string& job, Cancel wish)
{
  m_state->store.run([key = job, value = static_cast<int>(wish)](Session& session) mutable {
    session << "UPDATE jobs SET cancel = max(cancel, ?) WHERE name = ?", use(value), use(key), now;
  });
}

void Transaction::take_back_cancel(const std::string& job)
{
  m_state->store.run(
      [key = job](Session& session) mutable { session << "UPDATE jobs SET cancel = 0 WHERE name = ?", use(key), now; });
}

void Transaction::fetched(const std::string& job, std::optional<Instant> when)
{
  Poco::Nullable<Poco::Int64> moment;
  if (when) moment = Poco::Int64{when->time_since_epoch().count()};
  m_state->store.run([key = job, at = moment](Session& session) mutable {
    session << "UPDATE jobs SET fetched_at = ? WHERE name = ?", use(at), use(key), now;
  });
}

void Transaction::remove(const std::string& job)
{
  m_state->store.run([key = job](Session& session) mutable {
    // What only its own ready-made requests have taught goes with it.
    session << "DELETE FROM experiences WHERE prompt = (SELECT uuid FROM jobs WHERE name = ?)", use(key), now;
    // And what has taught nothing.
    session << "DELETE FROM experiences WHERE input = 0 AND job = (SELECT uuid FROM jobs WHERE name = ?)", use(key),
        now;
    session << "DELETE FROM jobs WHERE name = ?", use(key), now;
  });
  m_state->touched.erase(job);
}

void Transaction::put(const std::string& job, const Part& part)
{
  m_state->store.run([key = job, row = part](Session& session) mutable {
    session << upsert<Part>("parts", {"job"}), use(key), use(row), now;
  });
  m_state->touched.insert(job);
}

void Transaction::put(const std::string& job, const Call& call)
{
  m_state->store.run([key = job, row = call](Session& session) mutable {
    session << upsert<Call>("calls", {"job"}), use(key), use(row), now;
  });
}

void Transaction::put(const std::string& job, int part, const std::vector<Spending>& spending)
{
  m_state->store.run([key = job, number = part, rows = spending](Session& session) mutable {
    session << "DELETE FROM spending WHERE job = ? AND part = ?", use(key), use(number), now;
    for (auto& row : rows)
      session << upsert<Spending>("spending", {"job"}), use(key), use(row), now;
  });
}

void Transaction::put(const Experience& experience)
{
  m_state->store.run(
      [row = experience](Session& session) mutable { session << upsert<Experience>("experiences"), use(row), now; });
}

void Transaction::put(const Queue& queue)
{
  m_state->store.run([row = queue](Session& session) mutable { session << upsert<Queue>("queues"), use(row), now; });
}

void Transaction::put(const RateSeen& rate)
{
  m_state->store.run([row = rate](Session& session) mutable { session << upsert<RateSeen>("rates"), use(row), now; });
}

void Transaction::put(const Sender& sender)
{
  m_state->store.run([row = sender](Session& session) mutable { session << upsert<Sender>("senders"), use(row), now; });
}

void Transaction::remove(const Experience& experience)
{
  m_state->store.run([row = experience](Session& session) mutable {
    session << "DELETE FROM experiences WHERE account = ? AND model = ? AND prompt = ? AND job = ?", use(row.account),
        use(row.model), use(row.prompt), use(row.job), now;
  });
}

void Transaction::forget(const std::string& job)
{
  m_state->store.run(
      [key = job](Session& session) mutable { session << "DELETE FROM experiences WHERE job = ?", use(key), now; });
}

void Transaction::remove(const Sender& sender)
{
  m_state->store.run([row = sender](Session& session) mutable {
    session << "DELETE FROM senders WHERE account = ? AND model = ? AND process = ?", use(row.account), use(row.model),
        use(row.process), now;
  });
}

void Transaction::log(const std::string& job, int part, std::string_view what)
{
  m_state->store.run([key = job, number = part, text = std::string{what}](Session& session) mutable {
    session << "INSERT INTO events (job, part, what) VALUES (?, ?, ?)", use(key), use(number), use(text), now;
  });
}

void Transaction::commit()
{
  m_state->store.run([&](Session& session) {
    for (const auto& job : m_state->touched)
      check_sum(session, job);
    session << "COMMIT", now;
  });
  m_state->open = false;
}

} // namespace batchwright::store
