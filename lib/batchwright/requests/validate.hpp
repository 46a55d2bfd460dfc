// A file of ready-made requests checked as the server would, and more thoroughly: it stops at nothing.
// In: a file, packed or not. Out: each problem as it is found, and what the file comes to. Never: sends anything.
#pragma once

#include <batchwright/model/job.hpp>
#include <batchwright/model/ready_made.hpp>

#include <functional>
#include <string>

namespace batchwright::requests {

struct ValidateOptions {
  PartLimits limits = {};                                  ///< by which parts are counted
  std::function<void(const FileProblem&)> on_problem = {}; ///< told of each, in the order of lines; ids that stand
                                                           ///< twice and what concerns the whole file come last
  std::function<void()> on_lines = {};                     ///< called now and then; may throw to stop
};

/// The line rules of check_request(), and those of the file (OpenAI Batch API guide): ids unique, one url and one
/// model, 50,000 requests, 50,000 embedding inputs, 209,715,200 bytes, no blank lines; UTF-8 without a mark, LF, lines
/// of at most 16 MiB. One pass, and where ids stand twice a second one for their places. Memory: a line, and 16 bytes a
/// line. A broken packing is a problem, too. Throws `Fault::storage` for a file that cannot be read.
FileVerdict validate(const std::string& path, const ValidateOptions& options);

} // namespace batchwright::requests
