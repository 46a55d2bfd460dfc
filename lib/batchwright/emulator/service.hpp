// The endpoints: which call goes where, who may make it, and the small rooms that need no file of their own (the
// real-time route, models, what the emulator lets be changed while it runs). In: a call. Out: a reply. Never: touches
// the network.
#pragma once

#include <batchwright/emulator/batches.hpp>
#include <batchwright/emulator/file_store.hpp>
#include <batchwright/emulator/ledger.hpp>
#include <batchwright/emulator/rate_limiter.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/emulator/setting.hpp>

#include <optional>
#include <string>

namespace batchwright::emulator {

class Service {
public:
  explicit Service(Setting& setting);

  /// Never throws: what goes wrong inside is the API's 500.
  Reply handle(Call& call);
  /// The call's route with stars in place of ids, for counting; "other" when there is none.
  static std::string route_of(const Call& call);

  /// Whether it is one that a model answers at once.
  static bool is_live(const Call& call);

  /// Puts other faults in force.
  void change(Faults faults);
  /// Moves the clock forward. REQUIRED: by 0 or more.
  void advance(Millis by);

  /// What `GET /emulator/ledger` answers.
  std::string ledger_page() const;

  Ledger& ledger() noexcept { return m_ledger; }
  /// Ends what goes on in the background; waiting calls return at once.
  void stop();

private:
  struct Route;
  struct LiveRequest;
  static const Route routes[];

  Reply answer_to(Call& call);
  std::optional<Reply> refusal_of(const Call& call) const;
  Reply create_file(Call& call, const std::string& id);
  Reply list_files(Call& call, const std::string& id);
  Reply retrieve_file(Call& call, const std::string& id);
  Reply remove_file(Call& call, const std::string& id);
  Reply file_content(Call& call, const std::string& id);
  Reply create_batch(Call& call, const std::string& id);
  Reply list_batches(Call& call, const std::string& id);
  Reply retrieve_batch(Call& call, const std::string& id);
  Reply cancel_batch(Call& call, const std::string& id);
  Reply model_call(Call& call, const std::string& id);
  Reply live_answer(Call& call, const LiveRequest& request);
  std::int64_t latency_of(const json::Value& body) const;
  bool flex_is_out(const json::Value& body);
  Reply read_usage(Call& call, const std::string& kind);
  Reply list_models(Call& call, const std::string& id);
  Reply retrieve_model(Call& call, const std::string& id);
  Reply read_faults(Call& call, const std::string& id);
  Reply change_faults(Call& call, const std::string& id);
  Reply read_clock(Call& call, const std::string& id);
  Reply move_clock(Call& call, const std::string& id);
  Reply read_ledger(Call& call, const std::string& id);
  Reply ledger_with_rows() const;
  void write_ledger(json::Writer& w) const;

  Setting& m_setting;
  Pause m_pause;
  Ledger m_ledger;
  PromptCache m_cache = {};
  FileStore m_files;
  Batches m_batches;
  RateLimiter m_limiter;
};

} // namespace batchwright::emulator
