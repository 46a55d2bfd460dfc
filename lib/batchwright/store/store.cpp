#include <batchwright/base/error.hpp>
#include <batchwright/store/columns.hpp>
#include <batchwright/store/layout.hpp>
#include <batchwright/store/open.hpp>
#include <batchwright/store/store.hpp>

#include <Poco/Data/LOB.h>
#include <Poco/Data/Session.h>
#include <fmt/format.h>

#include <set>

// --- a model value as a row of Poco::Data ----------------------------------------------------------------------------

namespace batchwright::store {
namespace {

void bind_cell(Poco::Data::AbstractBinder& binder, std::size_t at, std::int64_t cell)
{
  binder.bind(at, Poco::Int64{cell});
}

void bind_cell(Poco::Data::AbstractBinder& binder, std::size_t at, const std::string& cell)
{
  binder.bind(at, cell);
}

void bind_cell(Poco::Data::AbstractBinder& binder, std::size_t at, const std::optional<std::int64_t>& cell)
{
  if (cell) {
    bind_cell(binder, at, *cell);
  } else {
    binder.bind(at, Poco::Data::Keywords::null);
  }
}

void extract_cell(Poco::Data::AbstractExtractor& extractor, std::size_t at, std::optional<std::int64_t>& cell)
{
  Poco::Int64 n = 0;
  cell = extractor.extract(at, n) ? std::optional<std::int64_t>{n} : std::nullopt;
}

void extract_cell(Poco::Data::AbstractExtractor& extractor, std::size_t at, std::int64_t& cell)
{
  Poco::Int64 n = 0;
  extractor.extract(at, n);
  cell = n;
}

void extract_cell(Poco::Data::AbstractExtractor& extractor, std::size_t at, std::string& cell)
{
  Poco::Data::CLOB text; // as a std::string, Poco would end it at the first NUL
  extractor.extract(at, text);
  cell.assign(text.rawContent(), text.size());
}

template<class Row>
struct RowHandler {
  static std::size_t size()
  {
    std::size_t count = 0;
    Row row;
    each_column(row, [&](std::string_view, const auto&) { ++count; });
    return count;
  }

  static void bind(std::size_t at, const Row& row, Poco::Data::AbstractBinder::Ptr binder,
                   Poco::Data::AbstractBinder::Direction)
  {
    each_column(row, [&](std::string_view, const auto& value) { bind_cell(*binder, at++, to_cell(value)); });
  }

  static void extract(std::size_t at, Row& row, const Row&, Poco::Data::AbstractExtractor::Ptr extractor)
  {
    each_column(row, [&](std::string_view, auto& value) {
      std::remove_cvref_t<decltype(to_cell(value))> cell{};
      extract_cell(*extractor, at++, cell);
      from_cell(std::move(cell), value);
    });
  }

  static void prepare(std::size_t, const Row&, const Poco::Data::AbstractPreparator::Ptr&) {}
};

} // namespace
} // namespace batchwright::store

namespace Poco::Data {

template<>
class TypeHandler<batchwright::Job> : public batchwright::store::RowHandler<batchwright::Job> {
};
template<>
class TypeHandler<batchwright::PinnedInput> : public batchwright::store::RowHandler<batchwright::PinnedInput> {
};
template<>
class TypeHandler<batchwright::store::BodyField>
    : public batchwright::store::RowHandler<batchwright::store::BodyField> {
};
template<>
class TypeHandler<batchwright::Part> : public batchwright::store::RowHandler<batchwright::Part> {
};
template<>
class TypeHandler<batchwright::Queue> : public batchwright::store::RowHandler<batchwright::Queue> {
};
template<>
class TypeHandler<batchwright::RateSeen> : public batchwright::store::RowHandler<batchwright::RateSeen> {
};
template<>
class TypeHandler<batchwright::Sender> : public batchwright::store::RowHandler<batchwright::Sender> {
};
template<>
class TypeHandler<batchwright::Enqueued> : public batchwright::store::RowHandler<batchwright::Enqueued> {
};
template<>
class TypeHandler<batchwright::Spending> : public batchwright::store::RowHandler<batchwright::Spending> {
};
template<>
class TypeHandler<batchwright::Experience> : public batchwright::store::RowHandler<batchwright::Experience> {
};
template<>
class TypeHandler<batchwright::Call> : public batchwright::store::RowHandler<batchwright::Call> {
};

} // namespace Poco::Data

namespace batchwright::store {
namespace {

using namespace Poco::Data::Keywords;
using Poco::Data::Session;

// --- SQL text --------------------------------------------------------------------------------------------------------

template<class Row>
std::vector<std::string> column_names()
{
  std::vector<std::string> names;
  Row row;
  each_column(row, [&](std::string_view column, const auto&) { names.emplace_back(column); });
  return names;
}

template<class Row>
std::string select(std::string_view table, std::string_view rest)
{
  return fmt::format("SELECT {} FROM {} {}", fmt::join(column_names<Row>(), ", "), table, rest);
}

/// Writes a row whether it is there or not; the columns in `before` stand before those of the row.
template<class Row>
std::string upsert(std::string_view table, const std::vector<std::string>& before = {})
{
  const auto own = column_names<Row>();
  auto all = before;
  all.insert(all.end(), own.begin(), own.end());
  const std::vector<std::string_view> places(all.size(), "?");
  std::vector<std::string> changes;
  changes.reserve(own.size());
  for (const auto& column : own)
    changes.push_back(fmt::format("{0} = excluded.{0}", column));
  return fmt::format("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO UPDATE SET {}", table, fmt::join(all, ", "),
                     fmt::join(places, ", "), fmt::join(changes, ", "));
}

template<class Row>
std::vector<Row> rows_of(Session& session, std::string_view table, std::string job)
{
  std::vector<Row> rows;
  session << select<Row>(table, "WHERE job = ? ORDER BY position"), into(rows), use(job), now;
  return rows;
}

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

} // namespace

// --- reading ---------------------------------------------------------------------------------------------------------

struct Store::State {
  std::filesystem::path database;
  std::unique_ptr<Session> session;

  /// Runs what may throw Poco's exceptions; ours pass.
  template<class Work>
  auto run(Work&& work) const
  {
    try {
      return work(*session);
    } catch (const Poco::Exception& e) {
      throw translated(e, database);
    }
  }
};

namespace {

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
    std::vector<Part> parts;
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

// --- writing ---------------------------------------------------------------------------------------------------------

struct Transaction::State {
  Store::State& store;
  std::set<std::string> touched = {}; // jobs whose sum is checked at the commit
  bool open = false;
};

namespace {

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
