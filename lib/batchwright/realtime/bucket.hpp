// Inside the room: one limit a minute, of requests or of tokens. Two levels: ours, which our rate refills and which may
// be in debt, and the server's, known from the last answer and brought forward to now. Pure.
#pragma once

#include <batchwright/base/clock.hpp>

#include <cstdint>
#include <optional>

namespace batchwright::realtime {

/// One request as its bucket saw it go.
struct Charge {
  std::uint64_t serial = 0;
  Instant at = {};
  double before = 0;  ///< what all before it took
  double cost = 0;    ///< what it took
  double charged = 0; ///< what the server took for it: a refused request costs it no tokens
};

struct BucketOptions {
  std::optional<double> given = {};
  std::optional<double> known = {};
  double headroom = 0;
  Millis burst{1'000};
};

class Bucket {
public:
  Bucket(const BucketOptions& options, Instant now);

  /// Refills to `now`, by the rate so far; from then on the rate is the limit times `factor`, and less where the server
  /// has little left.
  void advance(Instant now, double factor);

  /// When so much may go, by both levels, if nothing happens until then.
  Instant ready_at(double cost) const;
  void take(double cost);
  /// Of what was taken, so much was not used.
  void give_back(double amount);
  /// This one never came to the server.
  void unsent(const Charge& charge);

  /// What an answer says of the limit, and of what was left when its request had come in. Of an older request than the
  /// last one it is ignored.
  void hear(const Charge& charge, std::optional<std::int64_t> limit, std::optional<std::int64_t> remaining);
  /// A limit to work by where none is known.
  void assume(std::optional<double> limit) { m_assumed = limit; }

  /// Another bound of the user's, and another headroom: the tighter ones hold from now on.
  void restrict(std::optional<double> given, double headroom);

  /// As the server said, now or last time.
  std::optional<double> told() const { return m_server; }
  /// The smaller of the user's and the server's.
  std::optional<double> limit() const;
  /// What may go a minute at present.
  std::optional<double> rate() const { return m_rate; }

private:
  /// The server's level when the newest request we heard of had come in.
  struct Heard {
    Instant at = {};
    double left = 0;
    double taken = 0; ///< by us until then, that one included
  };

  void refill(Instant now);
  double wait_for(double cost) const;
  std::optional<double> present_rate() const;
  double capacity() const;
  double throttle() const;
  double kept_back() const;
  double server_refill() const;
  std::optional<double> server_left() const;
  void learn_others(const Charge& charge, double left);

  BucketOptions m_options;
  std::optional<double> m_server;       // its limit
  std::optional<double> m_assumed = {}; // stands in for a limit
  Instant m_at;
  double m_factor = 1;
  std::optional<double> m_rate = {};
  double m_level = 0;
  double m_taken = 0; // all that ever went
  std::optional<std::uint64_t> m_newest = {};
  std::optional<Heard> m_heard = {};
  double m_others = 0; // what others take a minute; below 0: the server charges less than we think
};

} // namespace batchwright::realtime
