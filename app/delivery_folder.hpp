// Results of ready-made request files, a file each as the API gives them: answers under the name of their input, and
// what was refused beside it.
#pragma once

#include <batchwright/results/results.hpp>

#include <filesystem>
#include <string>

namespace app {

class Session;

/// Writes DIR/NAME.jsonl for each input NAME.jsonl, and DIR/NAME.errors.jsonl where requests were refused; files appear
/// whole or not at all. Two inputs of one name get NAME.jsonl and NAME-2.jsonl. Makes DIR where it is missing.
void deliver_into(const std::filesystem::path& folder, const std::string& job, batchwright::results::Pending pending,
                  Session& session);

} // namespace app
