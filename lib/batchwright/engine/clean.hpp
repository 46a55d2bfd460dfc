// Removing what a job left: its files at the server, its rows and directory here. Nothing of it is needed to make the
// job again, and nothing brings it back.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace batchwright::engine {

/// Why a job should not be cleaned; empty: nothing speaks against it.
/// It is worked on, batches of it run, items are pending, answers may still come, or the result was
/// not delivered yet.
std::string reason_against_cleaning(Tools& tools, const std::string& job);

/// The jobs that have been done for longer than `age`, oldest first.
std::vector<std::string> jobs_done_since(Tools& tools, Millis age);

/// Deletes the job's files at the server: those it knows, and those that a listing shows under the name of one of its
/// uploads, answered or not. One that is gone already counts as deleted. Returns how many were deleted. Throws
/// `Fault::busy` where another process holds the job, `Fault::config` for another account than the job's,
/// `Fault::network`, `Fault::auth` or `Fault::rejected` where the server does not delete one; what was deleted until
/// then is not asked for again.
std::uint64_t clean_remote(Tools& tools, Server& server, const std::string& job);

/// Removes the job's rows, then its directory, which says so before. Returns the bytes that its files took. Throws as
/// above, but for the server.
std::uint64_t clean_local(Tools& tools, const std::string& job);

/// Removes what a process that was killed left of jobs that are gone, or that never came to be: directories without
/// rows, put aside or not yet.
void sweep_leftovers(Tools& tools);

/// Does so as far as it can; what hinders it is left for another time.
void sweep_if_possible(Tools& tools) noexcept;

/// Does so at the beginning of a scope, and at its end, however that comes.
class Sweep {
public:
  explicit Sweep(Tools& tools) : m_tools(tools) { sweep_if_possible(m_tools); }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;
  ~Sweep() { sweep_if_possible(m_tools); }

private:
  Tools& m_tools;
};

} // namespace batchwright::engine
