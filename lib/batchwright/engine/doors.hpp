// Inside the room: what its doors share.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::engine {

/// Throws `Fault::usage` for an unknown job, naming near ones.
Job known_job(Tools& tools, const std::string& name);

/// Throws `Fault::usage` where the job's input is not known (`knows_input`) and `doing` needs it.
void require_input(const Job& job, std::string_view doing);

/// A job belongs to an account: with another one, everything of it is "not found". Another key of the same account
/// passes where something of the job's own answers under it. Throws `Fault::config`.
void check_account(Tools& tools, Server& server, const Job& job, const std::vector<Part>& parts);

/// A part's outcomes, which stand in that file.
results::OutcomeFile outcome_file(const Tools& tools, const Job& job, const Part& part, std::filesystem::path path);

/// The outcomes there are.
std::vector<results::OutcomeFile> outcome_files(Tools& tools, const Job& job, const std::vector<Part>& parts);

/// Removes what killed processes left in the job's directory, where nobody works on it.
void tidy(Tools& tools, const std::string& job);

/// Directories of removed jobs are renamed before they are emptied; no job's name begins like this.
inline constexpr std::string_view aside_prefix = ".removed-";

/// Directories without rows that hold answers are renamed, too, where their name is wanted, and never removed.
inline constexpr std::string_view kept_prefix = ".kept-";

/// Renames the job's directory, if there is one, so that nothing in it is taken for a new job's of that name: to be
/// removed, or, where answers are in it that nobody said may go, to be kept, which is told. REQUIRED: the job's lock is
/// held, and it has no rows.
void put_aside(Tools& tools, const std::string& job);

} // namespace batchwright::engine
