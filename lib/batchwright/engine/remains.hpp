// What is left of a job at the server, where nothing is left of it here: its batches, as a listing shows them.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/label.hpp>
#include <batchwright/wire/objects.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::engine {

/// What the server holds of one job.
struct Remains {
  struct Batch {
    Label label = {};
    wire::BatchObject object = {};
  };

  std::string uuid = {};
  std::uint64_t items = 0; ///< of the job
  std::optional<Instant> first_made = {};
  std::optional<Instant> last_made = {};
  std::vector<Batch> batches = {}; ///< newest first
};

/// The jobs of a name that the server has batches of, the newest first. Reads the whole listing of batches, and once
/// more after `grace` where it shows none, but a request file of such a job. Throws `Fault::usage` where there is a job
/// of that name here, `Fault::network` where it cannot be read, `Fault::auth` for a refused key, `Fault::rejected`
/// where it is not given, or not to its end.
std::vector<Remains> find_remains(Tools& tools, Server& server, const std::string& name, Millis grace = Millis{0});

/// The remains once batches that may hide have shown: where items show in no batch, or were left by one that ended, the
/// listing is asked once more after `grace`. Throws as find_remains().
Remains settled(Tools& tools, Server& server, Remains remains, Millis grace);

/// Throws `Fault::usage` where there is a job of that name here.
void refuse_known(Tools& tools, const std::string& name);

} // namespace batchwright::engine
