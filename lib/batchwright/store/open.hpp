// Opening the job database: made where it is missing, brought to this program's schema where it is older, left alone
// where it is newer. Inside the store only.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/base/error.hpp>

#include <filesystem>
#include <memory>

namespace Poco {
class Exception;
}
namespace Poco::Data {
class Session;
}

namespace batchwright::store {

/// SQLite's name for a database without a file.
inline constexpr auto in_memory = ":memory:";

/// Throws as `Store::Store` says.
std::unique_ptr<Poco::Data::Session> open_session(const std::filesystem::path& database, Millis patience);

/// What a failure of the database means to the user.
Error translated(const Poco::Exception& e, const std::filesystem::path& database);

} // namespace batchwright::store
