// A whole world in one process: an emulator, a state root, an engine. Tests drive the engine and judge by the ledger.
#pragma once

#include "tests/support/fresh_directory.hpp"

#include <batchwright/emulator/emulator.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/http/retry.hpp>
#include <batchwright/json/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tests {

/// Remembers what it was told; may be asked to interrupt when something is seen.
class Recorder final : public batchwright::Observer {
public:
  void on(const batchwright::Event& event) override
  {
    if (const auto* note = std::get_if<batchwright::Note>(&event)) notes.push_back(note->text);
    if (const auto* probe = std::get_if<batchwright::ProbeOver>(&event)) probes.push_back(*probe);
    if (const auto* told = std::get_if<batchwright::LiveIsCheaper>(&event)) cheaper.push_back(*told);
    if (const auto* moved = std::get_if<batchwright::PartMoved>(&event)) {
      moves.push_back(*moved);
      if (on_move) on_move(*moved);
    }
  }

  std::vector<std::string> notes = {};
  std::vector<batchwright::PartMoved> moves = {};
  std::vector<batchwright::ProbeOver> probes = {};
  std::vector<batchwright::LiveIsCheaper> cheaper = {};
  std::function<void(const batchwright::PartMoved&)> on_move = {};
};

/// One process of the user's: opened on a state root, gone with its scope; the root stays.
class Process {
public:
  Process(const std::filesystem::path& root, const std::string& base_url, const std::string& key = "test-key");

  batchwright::Interrupt interrupt = {};
  Recorder recorder = {};
  batchwright::store::Layout layout;
  batchwright::store::Store store;
  batchwright::engine::Tools tools;
  std::unique_ptr<batchwright::http::Transport> plain;
  std::unique_ptr<batchwright::http::Transport> retrying;
  batchwright::api::Client client;
  batchwright::engine::Server server;

  /// The same tools under another clock.
  batchwright::engine::Tools tools_with(const batchwright::Clock& clock);
  /// Drafts and founds a job; returns its name.
  std::string make(const batchwright::engine::Ask& ask);
  batchwright::JobView advance(const std::string& job, batchwright::engine::Until until,
                               batchwright::engine::Sending sending = batchwright::engine::Sending::yes);
  /// The merged result.
  std::string merged(const std::string& job, batchwright::results::Format format = batchwright::results::Format::jsonl,
                     batchwright::results::Pending pending = batchwright::results::Pending::refuse);
};

class Arena {
public:
  explicit Arena(batchwright::emulator::Faults faults = {});

  FreshDirectory directory = {};
  batchwright::emulator::Server server;

  Process process() { return {directory / "home", server.url()}; }
  /// A CSV of `items` rows with the columns id and text, and an ask for a job of it.
  batchwright::engine::Ask ask(int items, std::uint64_t requests_per_part = 50'000);
  /// A number of the ledger's totals.
  std::int64_t ledger(std::string_view total);
};

} // namespace tests
