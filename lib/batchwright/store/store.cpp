#include <batchwright/store/layout.hpp>
#include <batchwright/store/rows.hpp>
#include <batchwright/store/state.hpp>

namespace batchwright::store {
namespace {

using namespace Poco::Data::Keywords;
using Poco::Data::Session;

template<class Row>
std::vector<Row> rows_of(Session& session, std::string_view table, std::string job)
{
  std::vector<Row> rows;
  session << select<Row>(table, "WHERE job = ? ORDER BY position"), into(rows), use(job), now;
  return rows;
}

/// What was piped in stands in the job's directory, which may be moved with the state root: of its path, the file's
/// name is stored.
std::filesystem::path job_directory(const std::filesystem::path& database, const std::string& job)
{
  return Layout{database.parent_path()}.job(job).directory();
}

void complete(Session& session, const std::filesystem::path& database, Job& job)
{
  job.inputs = rows_of<PinnedInput>(session, "inputs", job.name);
  for (auto& input : job.inputs) {
    input.spooled = !input.path.starts_with('/');
    if (input.spooled) input.path = (job_directory(database, job.name) / input.path).native();
  }
  job.request.set = rows_of<BodyField>(session, "body_fields", job.name);
  job.urgent = rows_of<BodyField>(session, "urgent", job.name);
  int cancel = 0;
  Poco::Nullable<Poco::Int64> fetched_at;
  session << "SELECT cancel, fetched_at FROM jobs WHERE name = ?", into(cancel), into(fetched_at), use(job.name), now;
  job.cancel = static_cast<Cancel>(cancel);
  if (!fetched_at.isNull()) job.fetched_at = Instant{Millis{fetched_at.value()}};
}

} // namespace

Store::Store(const std::filesystem::path& database, Millis patience)
{
  const auto path = std::filesystem::absolute(database);
  m_state = std::make_unique<State>(State{path, open_session(path, patience)});
}

Store::Store(In)
{
  m_state = std::make_unique<State>(State{in_memory, open_session(in_memory, Millis{0})});
}

Store::~Store() = default;

std::vector<Job> Store::jobs() const
{
  return m_state->run([this](Session& session) {
    std::vector<Job> jobs;
    session << select<Job>("jobs", "ORDER BY created_at DESC, rowid DESC"), into(jobs), now;
    for (auto& job : jobs)
      complete(session, m_state->database, job);
    return jobs;
  });
}

std::optional<Job> Store::job(const std::string& name) const
{
  return m_state->run([this, key = name](Session& session) mutable {
    std::vector<Job> jobs;
    session << select<Job>("jobs", "WHERE name = ?"), into(jobs), use(key), now;
    if (jobs.empty()) return std::optional<Job>{};
    complete(session, m_state->database, jobs.front());
    return std::optional{std::move(jobs.front())};
  });
}

std::vector<Part> Store::parts(const std::string& job) const
{
  return m_state->run([key = job](Session& session) mutable {
    constexpr std::size_t of_most_jobs = 128; // they are large: each growth moves all
    std::vector<Part> parts;
    parts.reserve(of_most_jobs);
    session << select<Part>("parts", "WHERE job = ? ORDER BY number"), into(parts), use(key), now;
    return parts;
  });
}

std::vector<Call> Store::calls(const std::string& job, CallState state) const
{
  return m_state->run([key = job, wanted = static_cast<int>(state)](Session& session) mutable {
    std::vector<Call> calls;
    session << select<Call>("calls", "WHERE job = ? AND state = ? ORDER BY begun_at, rowid"), into(calls), use(key),
        use(wanted), now;
    return calls;
  });
}

Cancel Store::cancel_wish(const std::string& job) const
{
  return m_state->run([key = job](Session& session) mutable {
    int cancel = 0;
    session << "SELECT cancel FROM jobs WHERE name = ?", into(cancel), use(key), now;
    return static_cast<Cancel>(cancel);
  });
}

Queue Store::queue(const std::string& account, const std::string& model) const
{
  return m_state->run([account = account, model = model](Session& session) mutable {
    std::vector<Queue> found;
    session << select<Queue>("queues", "WHERE account = ? AND model = ?"), into(found), use(account), use(model), now;
    return found.empty() ? Queue{.account = account, .model = model} : found.front();
  });
}

std::vector<Enqueued> Store::enqueued(const std::string& account, const std::string& model) const
{
  return m_state->run([account = account, model = model](Session& session) mutable {
    std::vector<Enqueued> found;
    session << select<Enqueued>("enqueued", "WHERE account = ? AND model = ? ORDER BY job_created_at, job, part"),
        into(found), use(account), use(model), now;
    return found;
  });
}

std::optional<RateSeen> Store::rate(const std::string& account, const std::string& model) const
{
  return m_state->run([account = account, model = model](Session& session) mutable {
    std::vector<RateSeen> found;
    session << select<RateSeen>("rates", "WHERE account = ? AND model = ?"), into(found), use(account), use(model), now;
    return found.empty() ? std::nullopt : std::optional{found.front()};
  });
}

std::vector<Sender> Store::senders(const std::string& account, const std::string& model) const
{
  return m_state->run([account = account, model = model](Session& session) mutable {
    std::vector<Sender> found;
    session << select<Sender>("senders", "WHERE account = ? AND model = ?"), into(found), use(account), use(model), now;
    return found;
  });
}

std::vector<Spending> Store::spending(const std::string& job) const
{
  return m_state->run([key = job](Session& session) mutable {
    std::vector<Spending> found;
    session << select<Spending>("spending", "WHERE job = ? ORDER BY part, day, tier"), into(found), use(key), now;
    return found;
  });
}

std::vector<Experience> Store::experiences(const std::string& account, const std::string& model,
                                           const std::string& prompt) const
{
  return m_state->run([account = account, model = model, prompt = prompt](Session& session) mutable {
    std::vector<Experience> found;
    session << select<Experience>("experiences",
                                  "WHERE account = ? AND model = ? AND prompt = ? ORDER BY job != '', rowid"),
        into(found), use(account), use(model), use(prompt), now;
    return found;
  });
}

std::optional<Instant> Store::last_event(const std::string& job) const
{
  return m_state->run([key = job](Session& session) mutable {
    Poco::Nullable<Poco::Int64> at;
    session << "SELECT max(at) FROM events WHERE job = ?", into(at), use(key), now;
    return at.isNull() ? std::optional<Instant>{} : std::optional{Instant{Millis{at.value()}}};
  });
}

} // namespace batchwright::store
