// A local server that speaks the Files, Batches and models endpoints of the OpenAI API and every endpoint that batches
// know (responses, chat completions, embeddings, completions, moderations, images, videos), and keeps a ledger of what
// it was asked, ran and billed, from which it serves the organisation's usage endpoints (usage_book.hpp).
//
// In: HTTP calls on 127.0.0.1, shaped as the API reference has them. Out: answers in the same shapes, with answers to
// prompts that follow from the prompt alone (endpoint.hpp), and whatever goes wrong on purpose (faults.hpp). Memory
// does not grow with the size of files: uploads and downloads stream, a live batch keeps 8 bytes a request, the ledger
// about 120 bytes a request. Never: shares code with the client beyond JSON itself, or answers another host than this
// one.
//
// Beside the API, without a key:
//   GET  /emulator/ledger   the book that judges the client: ledger.hpp says exactly what each total means; with
//                           `?items=1` there are the rows of requests as well
//   GET  /emulator/faults   the faults in force as they were given, {} where they were made in code
//   PUT  /emulator/faults   other faults in their place, all of them: what is not named has its default again. Counts
//                           of HTTP rules begin anew, numbers of batches and uploads go on; a batch that is stuck by a
//                           rule that is gone goes on, and one that is too slow by a speed that is gone; foreign
//                           batches of the former faults are completed. 400 with the message of parse_faults() where
//                           they are malformed, and nothing changes
//   GET  /emulator/clock    {"now_ms","ahead_ms"}: the server's time since 1970, and how far it is ahead of the
//   machine's POST /emulator/clock    {"advance_ms":N} moves it forward, and answers the same. All times that the API
//   tells go
//                           by it, the `Date` header too, and so do the speeds of batches, their end after 24 hours,
//                           the lives of files, lags of listings, rates, the time in which a rule holds. Delays of
//                           calls do not
#pragma once

#include <batchwright/emulator/faults.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace batchwright::emulator {

struct Options {
  std::filesystem::path directory = {}; ///< for uploads and outputs; empty: a temporary one, removed at the end
  std::uint16_t port = 0;               ///< 0: the system chooses
  std::string api_key = {};             ///< empty: any key passes, but there must be one
  std::string admin_key = {};           ///< of /v1/organization/*, and of nothing else; empty: any key passes there
  bool tls = false;                     ///< HTTPS, with a certificate made at start
  Faults faults = {};
  std::uint64_t seed = 0; ///< of shuffles and of the choice of items that faults hit
  /// At once: each has a thread, and two descriptors (the limit of open files is raised for them, as far as the system
  /// lets it; there are fewer where it does not). Up to 1,024 more wait until one ends, what is beyond those is closed
  /// unanswered.
  int connections = 4096;
};

class Server {
public:
  /// Listens and serves when it returns. Throws `Error{Fault::network}` when the port is taken, `Fault::storage` when
  /// the directory cannot be used.
  explicit Server(Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Stops.
  ~Server();

  std::uint16_t port() const;
  /// "http://127.0.0.1:PORT/v1"
  std::string url() const;
  /// The certificate a client must trust; empty without `tls`.
  std::filesystem::path ca_file() const;
  /// As `PUT /emulator/faults` does.
  void change(Faults faults);
  /// As `POST /emulator/clock` does. REQUIRED: by 0 or more, 10 years in all at most.
  void advance(std::chrono::milliseconds by);
  /// What `GET /emulator/ledger` answers; also after stop().
  std::string ledger() const;
  /// Cuts what is open and ends all threads; may be called again.
  void stop();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace batchwright::emulator
