#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/probe.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/wire/answer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::engine {

std::string first_failure(Tools& tools, const Job& job, std::vector<Part> parts)
{
  std::erase_if(parts, [](const Part& p) { return !is_probe(p); });
  results::Walk walk{outcome_files(tools, job, parts), job.items};
  while (const auto* outcome = walk.next()) {
    if (outcome->status != Status::failed) continue;
    json::Document line;
    ensure(line.parse(walk.line()), "a line that was settled is JSON");
    const auto answer = wire::read_answer(line.root(), outcome->from->endpoint);
    const std::string code{outcome->code};
    return answer.message.empty() ? code : fmt::format("{}: {}", code, answer.message);
  }
  return "of an unknown cause"; // they were taken back since
}

std::optional<Error> failed_probe(const JobView& view)
{
  if (view.pause != Pause::failures || !tally_of_probe(view.parts).has_failed()) return std::nullopt;
  return Error{Fault::input, fmt::format("{}: nothing else was sent, since {}", view.job, view.message),
               fmt::format("`batchwright show {0} --failed` shows them; mend the prompt or the model and submit under "
                           "another --name, or send the rest all the same: the same `submit` with --probe 0",
                           view.job)};
}

FileLock send_rest(Tools& tools, const std::string& name)
{
  auto lock = take_lock(tools, name);
  auto job = known_job(tools, name);
  job.awaits_word = false;
  store::Transaction tx{tools.store};
  tx.update(job);
  tx.log(name, 0, "the rest is to be sent");
  tx.commit();
  return lock;
}

} // namespace batchwright::engine
