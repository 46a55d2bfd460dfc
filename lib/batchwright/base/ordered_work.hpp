// Work cut into blocks: made side by side, taken and handed over in order.
#pragma once

#include <memory>
#include <vector>

namespace batchwright {

/// One of several that share some work. Each has one block of it in hand.
class OrderedWorker {
public:
  OrderedWorker() = default;
  OrderedWorker(const OrderedWorker&) = delete;
  OrderedWorker& operator=(const OrderedWorker&) = delete;
  virtual ~OrderedWorker() = default;

  /// Takes the next block; false where there is none. Called for one worker at a time.
  virtual bool take() = 0;
  /// Makes of it what is to be handed over, beside the others.
  virtual void make() = 0;
  /// Hands it over. Called for one worker at a time, in the order in which blocks were taken.
  virtual void put() = 0;
};

/// Has all of them work until nothing is left: the first on this thread, the others on threads that are no more when
/// this returns. Throws what is thrown for the first block, in their order, that anything is thrown for; nothing is put
/// of that block and of those behind it. REQUIRED: a worker at least.
void work_in_order(const std::vector<std::unique_ptr<OrderedWorker>>& workers);

} // namespace batchwright
