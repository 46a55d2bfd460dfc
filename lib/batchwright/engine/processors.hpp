// The real-time processors of this process: one for each model that is asked. Comes in: what the user allows, and what
// the store knows of an account's rates. Goes out: processors, and into the store what they learn. Processes of one
// state root share an account's limits by telling each other that they send.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/realtime/processor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace batchwright::engine {

class Processors {
public:
  /// Both outlive it. Opens nothing yet.
  Processors(Tools& tools, Server& server);
  Processors(const Processors&) = delete;
  Processors& operator=(const Processors&) = delete;
  /// Ends what is in flight, and tells the others that nothing is sent any more.
  ~Processors();

  /// The one for a model, made when first asked for.
  realtime::Processor& of(const std::string& model, const RealtimePolicy& policy);
  /// How a model is doing; nothing where it was not asked.
  std::optional<realtime::Condition> condition(const std::string& model) const;
  /// Now and then: tells the other processes, takes our share, and stores what was learned. Asked by the owner of the
  /// store.
  void share();

private:
  struct Lane {
    std::unique_ptr<realtime::Processor> processor = {};
    bool is_told = false;                      ///< the others know of it
    std::optional<Instant> learned_until = {}; ///< the last answer of which what it taught is stored
  };

  /// Within a transaction: what the processor has seen of the model's limits.
  void tell_and_take(Instant now);
  void learn(store::Transaction& tx, const std::string& model, Lane& lane, const realtime::Condition& condition);
  Sender sender(const std::string& model, const realtime::Condition& condition, Instant now) const;

  Tools& m_tools;
  Server& m_server;
  std::string m_process;
  std::unique_ptr<api::Caller> m_caller = {};
  std::map<std::string, Lane> m_lanes = {}; // by model
  Instant m_next_share = {};
};

} // namespace batchwright::engine
