#include "app/collect.hpp"

#include "app/session.hpp"

namespace app {

batchwright::JobView collect(const std::string& job, const batchwright::engine::Goal& goal, WhileHeld held,
                             Session& session)
{
  return session.workspace_if_any().collect(job, goal, held);
}

} // namespace app
