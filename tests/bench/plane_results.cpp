#include "tests/bench/plane_results.hpp"

#include <batchwright/base/background_writer.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/money/prices.hpp>
#include <batchwright/store/layout.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <utility>
#include <vector>

namespace bench {
namespace {

namespace fs = std::filesystem;
using namespace batchwright;
using results::Format;
using Parts = std::vector<Part>;

/// As a store has it: the digest was taken and the columns were noted when the job was made, and the file's times vouch
/// for it. Those of a file that is as good as new do not, and it is read.
PinnedInput pinned(const std::string& path)
{
  auto witness = file_witness(path);
  if (witness.empty()) return input::pin(path, InputFormat::jsonl);
  return {.path = fs::absolute(path).native(),
          .format = InputFormat::jsonl,
          .bytes = fs::file_size(path),
          .witness = std::move(witness),
          .columns = {"id", "text"}};
}

Job job_of(const Downloads& downloads, Format format)
{
  Job job;
  job.items = downloads.items;
  job.request.model = "gpt-5.4-mini";
  if (format == Format::npy) {
    job.request.model = "text-embedding-3-large";
    job.request.endpoint = "/v1/embeddings";
  }
  if (format == Format::csv) job.inputs = {pinned(downloads.input)};
  return job;
}

Parts first_parts(const Downloads& downloads)
{
  const auto size = (downloads.items + downloads.parts - 1) / downloads.parts;
  Parts parts;
  for (Ordinal first = 0; first < downloads.items; first += size) {
    const auto end = std::min(first + size, downloads.items);
    parts.push_back({.number = static_cast<int>(parts.size()) + 1,
                     .first = first,
                     .last = end - 1,
                     .items = end - first,
                     .requests = end - first});
  }
  return parts;
}

class Results {
public:
  Results(const Downloads& downloads, Format format, const fs::path& directory)
      : m_job(job_of(downloads, format)), m_downloads(downloads.directory), m_made(directory)
  {
    const auto* prices = money::built_in_table().find(m_job.request.model);
    ensure(prices != nullptr, "the built-in table knows the model");
    m_prices = *prices;
    const auto retried = settle(first_parts(downloads));
    const auto live = settle(retried);
    if (!live.empty()) settle({joined(live)});
    ensure(m_succeeded == m_job.items, "every item has an answer");
  }

  std::uint64_t merge(Format format, const fs::path& path) const
  {
    AtomicFile to{path, AtomicFile::Durable::yes, AtomicFile::Access::by_umask};
    BackgroundWriter writer{[&](std::string_view bytes) { to.write(bytes); }};
    const auto merged =
        results::merge(m_job, m_outcomes, {.format = format}, [&](std::string_view bytes) { writer.write(bytes); });
    writer.finish();
    to.commit();
    return merged.written;
  }

private:
  /// The parts of what these leave.
  Parts settle(const Parts& parts)
  {
    std::vector<results::Settled> settled(parts.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (auto i = next++; i < parts.size(); i = next++)
        settled[i] = results::settle(parts[i], files_of(parts[i]), context());
    };
    auto other = std::async(std::launch::async, work);
    work();
    other.get();
    Parts children;
    int number = parts.empty() ? 0 : parts.back().number;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      m_succeeded += settled[i].sums.succeeded;
      m_outcomes.push_back(outcome_file(parts[i]));
      if (settled[i].left.count > 0) children.push_back(child_of(parts[i], ++number, settled[i].left));
    }
    return children;
  }

  results::SettleFiles files_of(const Part& part) const
  {
    const auto number = part.number;
    return {.output = m_downloads.output(number),
            .errors = m_downloads.errors(number),
            .ordinals = m_made.ordinals(number),
            .outcomes = m_made.outcomes(number, 0),
            .left = m_made.left(number),
            .left_free = m_made.left_free(number),
            .left_halved = m_made.left_halved(number),
            .quarantine = m_made.quarantine(number)};
  }

  results::SettleContext context() const
  {
    return {.endpoint = m_job.request.endpoint, .prices = m_prices, .demand = {.readable = true}};
  }

  results::OutcomeFile outcome_file(const Part& part) const
  {
    return {.path = m_made.outcomes(part.number, 0),
            .first = part.first,
            .last = part.last,
            .route = part.route,
            .attempt = part.attempt,
            .endpoint = m_job.request.endpoint,
            .model = m_job.request.model,
            .prices = m_prices,
            .part = part.number};
  }

  Part child_of(const Part& parent, int number, const results::Left& left) const
  {
    Part child{.number = number,
               .attempt = parent.attempt + 1,
               .first = left.first,
               .last = left.last,
               .items = left.count,
               .listed = true,
               .requests = left.count};
    fs::rename(m_made.left(parent.number), m_made.ordinals(child.number));
    return child;
  }

  /// One part in real time for the items of several.
  Part joined(const Parts& parts) const
  {
    auto whole = parts.front();
    whole.number = parts.back().number + 1;
    whole.route = Route::realtime;
    whole.last = parts.back().last;
    whole.items = 0;
    input::OrdinalWriter list{m_made.ordinals(whole.number)};
    for (const auto& part : parts) {
      input::Ordinals ordinals{m_made.ordinals(part.number)};
      while (const auto ordinal = ordinals.next())
        list.add(*ordinal);
      whole.items += part.items;
    }
    list.commit();
    whole.requests = whole.items;
    return whole;
  }

  Job m_job;
  store::JobLayout m_downloads;
  store::JobLayout m_made;
  std::optional<money::ModelPrices> m_prices = {};
  std::vector<results::OutcomeFile> m_outcomes = {};
  std::uint64_t m_succeeded = 0;
};

} // namespace

std::uint64_t settle_and_merge(const Downloads& downloads, Format format, const fs::path& directory)
{
  const Results results{downloads, format, directory};
  const auto written = results.merge(format, directory / "result");
  if (format == Format::npy) results.merge(Format::ids, directory / "result.ids");
  ensure(written == downloads.items, "every item stands in the result");
  return written;
}

} // namespace bench
