// Batches that were made elsewhere become a job: by another program, by hand, or by this one on another machine. Comes
// in: the file of ready-made requests that they were made of, and their ids. Goes out: a job with a part for each
// batch; requests that no batch holds wait for a `submit` of the file, which is the consent to send them.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <string>
#include <vector>

namespace batchwright::engine {

struct AdoptAsk {
  std::string name = {};     ///< of the job; empty: made from the file's
  std::string requests = {}; ///< path of the file
  std::vector<BatchId> batches = {};
};

/// Downloads what each batch was made of, finds it line by line in the file, and makes the job, under its lock. What an
/// older batch and a younger one hold both is the younger one's. Throws `Fault::usage` for a batch that the server does
/// not know, one that belongs to a job here, and where there is such a job already; `Fault::input` where a batch holds
/// what the file does not, or otherwise than the file does; `Fault::config` where its requests are gone at the server
/// and nothing else tells which they were; and as `draft` does of the file.
JobView adopt(Tools& tools, Server& server, const AdoptAsk& ask);

} // namespace batchwright::engine
