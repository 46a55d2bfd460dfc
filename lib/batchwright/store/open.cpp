#include <batchwright/base/files.hpp>
#include <batchwright/store/open.hpp>
#include <batchwright/store/schema.hpp>

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/SQLite/SQLiteException.h>
#include <Poco/Data/Session.h>
#include <fmt/format.h>

#include <fcntl.h>

#include <chrono>
#include <thread>

namespace batchwright::store {
namespace {

using namespace Poco::Data::Keywords;
using Poco::Data::Session;
namespace sqlite = Poco::Data::SQLite;

int version_of(Session& session)
{
  int version = 0;
  session << "PRAGMA user_version", into(version), now;
  return version;
}

/// SQLite would make the file readable for others; its -wal and -shm take over the mode of the file.
void ensure_private_file(const std::filesystem::path& database)
{
  const Descriptor fd{::open(database.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!fd) throw_unwritten("opening state database", database.native());
}

/// Poco runs one statement at a time; ours end with a semicolon at the end of a line.
void run_script(Session& session, std::string_view script)
{
  for (auto end = script.find(";\n"); end != std::string_view::npos; end = script.find(";\n")) {
    session << std::string{script.substr(0, end)}, now;
    script.remove_prefix(end + 2);
  }
}

void migrate(Session& session)
{
  session << "BEGIN IMMEDIATE", now;
  const int seen = version_of(session); // another process may have been faster
  for (int i = seen; i < schema_version; ++i)
    run_script(session, migrations.at(static_cast<std::size_t>(i)));
  if (seen < schema_version) session << fmt::format("PRAGMA user_version = {}", schema_version), now;
  session << "COMMIT", now;
}

std::unique_ptr<Session> open_once(const std::filesystem::path& database, Millis patience)
{
  auto opened = std::make_unique<Session>("SQLite", database.native());
  auto& session = *opened;
  int ignored = 0;
  session << fmt::format("PRAGMA busy_timeout = {}", patience.count()), into(ignored), now;
  const int version = version_of(session); // before anything is written: a newer program's state stays untouched
  if (version > schema_version) {
    throw Error{Fault::newer_state,
                fmt::format("state database {}: was written by a newer batchwright (schema {}, this program knows {})",
                            database.native(), version, schema_version),
                "install that version, or choose another state directory with --home"};
  }
  std::string mode;
  session << "PRAGMA journal_mode = WAL", into(mode), now;
  session << "PRAGMA synchronous = FULL", now;
  session << "PRAGMA foreign_keys = ON", now;
  if (version < schema_version) migrate(session);
  return opened;
}

/// While a database is made, recovered or closed for the last time, SQLite refuses others without waiting for the
/// busy timeout. These moments are short: we ask again until our patience ends.
std::unique_ptr<Session> open_patiently(const std::filesystem::path& database, Millis patience)
{
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    try {
      return open_once(database, patience);
    } catch (const sqlite::DBLockedException&) {
      if (std::chrono::steady_clock::now() >= deadline) throw;
    }
    std::this_thread::sleep_for(Millis{10});
  }
}

} // namespace

Error translated(const Poco::Exception& e, const std::filesystem::path& database)
{
  const auto said = fmt::format("state database {}: {}", database.native(), e.message());
  if (dynamic_cast<const sqlite::DBLockedException*>(&e) || dynamic_cast<const sqlite::TableLockedException*>(&e))
    return Error{Fault::busy, said, "another batchwright has been writing to it for long; run the same command again"};
  if (dynamic_cast<const sqlite::DatabaseFullException*>(&e))
    return Error{Fault::disk, said, "make room on that disk and run the same command again; nothing was lost"};
  if (dynamic_cast<const sqlite::ConstraintViolationException*>(&e))
    return Error{Fault::bug, said, "please report this"};
  const bool is_refused = dynamic_cast<const sqlite::IOErrorException*>(&e) ||
                          dynamic_cast<const sqlite::ReadOnlyException*>(&e) ||
                          dynamic_cast<const sqlite::CantOpenDBFileException*>(&e);
  if (is_refused) {
    return Error{
        Fault::disk, said,
        "is that disk full, or may it not be written to? mend that and run the same command again; nothing was lost"};
  }
  return Error{Fault::storage, said, "check the disk, or choose another state directory with --home"};
}

std::unique_ptr<Session> open_session(const std::filesystem::path& database, Millis patience)
{
  static const bool registered = (sqlite::Connector::registerConnector(), true);
  static_cast<void>(registered);
  if (database != in_memory) ensure_private_file(database);
  try {
    return open_patiently(database, patience);
  } catch (const Poco::Exception& e) {
    throw translated(e, database);
  }
}

} // namespace batchwright::store
