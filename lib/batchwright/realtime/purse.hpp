// How much may still be spent, shared by all works that spend it. What a request may cost is taken out before it is
// sent; what it did not cost is put back. Safe from many threads.
#pragma once

#include <batchwright/model/money.hpp>

#include <map>
#include <mutex>
#include <vector>

namespace batchwright::realtime {

class Purse {
public:
  explicit Purse(PicoUsd most) : m_most(most) {}

  /// What was spent and is kept back elsewhere, in place of what was said before; what these works took is among it
  /// from now on.
  void set_elsewhere(PicoUsd amount, const std::vector<int>& counted_there = {});
  /// What a work has taken so far, before it goes on: of an earlier process.
  void set_taken(int work, PicoUsd amount);
  /// Takes the amount out for a work where so much is left.
  bool take(int work, PicoUsd amount);
  /// Puts back what was taken and not needed; a negative amount takes more, whether it is left or not.
  void put_back(int work, PicoUsd amount);

  /// What a work took so far, less what it put back.
  PicoUsd taken(int work) const;
  PicoUsd left() const;

private:
  PicoUsd left_now() const;

  mutable std::mutex m_mutex = {};
  PicoUsd m_most;
  PicoUsd m_elsewhere = {};
  std::map<int, PicoUsd> m_taken = {};
};

} // namespace batchwright::realtime
