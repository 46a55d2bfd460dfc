#include <batchwright/model/experience.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace batchwright {
namespace {

/// What lies in a bucket is at most this: 0, 1, 2, ... and from there on a tenth more each.
const auto& upper_ends()
{
  static const auto ends = [] {
    std::array<std::int64_t, 160> made{};
    for (std::size_t i = 1; i < made.size(); ++i)
      made[i] = std::max(made[i - 1] + 1, static_cast<std::int64_t>(static_cast<double>(made[i - 1]) * 1.1));
    return made;
  }();
  return ends;
}

std::size_t bucket_of(Tokens tokens)
{
  const auto& ends = upper_ends();
  const auto found = std::lower_bound(ends.begin(), ends.end(), tokens.n);
  return static_cast<std::size_t>(std::min(found, ends.end() - 1) - ends.begin());
}

/// Takes a number and the blank or colon behind it off the text's begin.
template<class Number>
std::optional<Number> take(std::string_view& text)
{
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return n;
}

} // namespace

void Outputs::add(Tokens tokens, std::uint64_t requests)
{
  const Tokens used{std::max<std::int64_t>(0, tokens.n)};
  const auto n = static_cast<double>(used.n);
  m_count += requests;
  m_sum += n * static_cast<double>(requests);
  m_squares += n * n * static_cast<double>(requests);
  m_most = std::max(m_most, used);
  m_counts[bucket_of(used)] += requests;
}

Outputs& Outputs::operator+=(const Outputs& more)
{
  m_count += more.m_count;
  m_sum += more.m_sum;
  m_squares += more.m_squares;
  m_most = std::max(m_most, more.m_most);
  for (std::size_t i = 0; i < buckets; ++i)
    m_counts[i] += more.m_counts[i];
  return *this;
}

void Outputs::fade()
{
  m_count = 0;
  double kept = 0;
  double sum = 0;
  for (auto& count : m_counts) {
    sum += static_cast<double>(count);
    count /= 2;
    m_count += count;
  }
  kept = sum > 0 ? static_cast<double>(m_count) / sum : 0;
  m_sum *= kept;
  m_squares *= kept;
}

double Outputs::deviation() const
{
  if (m_count < 2) return 0;
  const auto n = static_cast<double>(m_count);
  return std::sqrt(std::max(0.0, (m_squares - m_sum * m_sum / n) / (n - 1)));
}

Tokens Outputs::quantile(double share) const
{
  const auto wanted = share * static_cast<double>(m_count);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i + 1 < buckets; ++i) { // the last one has no upper end
    seen += m_counts[i];
    if (static_cast<double>(seen) >= wanted) return std::min(m_most, Tokens{upper_ends()[i]});
  }
  return m_most;
}

std::string Outputs::text() const
{
  auto text = fmt::format("{} {} {}", m_sum, m_squares, m_most.n);
  for (std::size_t i = 0; i < buckets; ++i) {
    if (m_counts[i] > 0) text += fmt::format(" {}:{}", i, m_counts[i]);
  }
  return text;
}

std::optional<Outputs> Outputs::read(std::string_view text)
{
  Outputs read;
  const auto sum = take<double>(text);
  const auto squares = take<double>(text);
  const auto most = take<std::int64_t>(text);
  if (!sum || !squares || !most) return std::nullopt;
  read.m_sum = *sum;
  read.m_squares = *squares;
  read.m_most = {*most};
  while (!text.empty()) {
    const auto bucket = take<std::size_t>(text);
    const auto count = take<std::uint64_t>(text);
    if (!bucket || !count || *bucket >= buckets) return std::nullopt;
    read.m_counts[*bucket] = *count;
    read.m_count += *count;
  }
  return read;
}

Outputs SeenOutputs::of_others() const
{
  Outputs sum;
  for (const auto& other : others)
    sum += other;
  return sum;
}

std::uint64_t SeenOutputs::count() const
{
  return own.count() + of_others().count();
}

void CacheSeen::add(std::uint64_t requests, const Usage& usage)
{
  answers += requests;
  input += usage.input;
  read += usage.cached;
  written += usage.cache_write;
}

CacheSeen& CacheSeen::operator+=(const CacheSeen& more)
{
  add(more.answers, {.input = more.input, .cached = more.read, .cache_write = more.written});
  return *this;
}

void CacheSeen::fade()
{
  answers /= 2;
  input.n /= 2;
  read.n /= 2;
  written.n /= 2;
}

CacheUse CacheSeen::expected(Tokens more) const
{
  if (answers == 0 || input.n <= 0) return {};
  const auto n = static_cast<double>(answers);
  const auto all = static_cast<double>(input.n);
  const auto warm = answers > 1 ? all * (n - 1) / n : all;
  const auto of_more = [more](double share) { return static_cast<double>(more.n) * std::min(1.0, share); };
  const Tokens reads{std::llround(of_more(static_cast<double>(read.n) / warm))};
  const Tokens writes{std::llround(of_more(static_cast<double>(written.n) / all))};
  return {.read = reads, .written = std::min(writes, Tokens{more.n - reads.n})};
}

Experience& Experience::operator+=(const Experience& more)
{
  estimated += more.estimated;
  input += more.input;
  outputs += more.outputs;
  batch += more.batch;
  live += more.live;
  if (more.shared.n > 0) shared = more.shared;
  return *this;
}

void Experience::fade()
{
  estimated.n /= 2;
  input.n /= 2;
  outputs.fade();
  batch.fade();
  live.fade();
}

double Experience::input_factor() const
{
  if (estimated.n <= 0 || input.n <= 0) return 1;
  return static_cast<double>(input.n) / static_cast<double>(estimated.n);
}

Experience sum_of(const std::vector<Experience>& rows)
{
  Experience sum;
  for (const auto& row : rows)
    sum += row;
  return sum;
}

SeenOutputs outputs_for(const std::string& job, const std::vector<Experience>& rows)
{
  SeenOutputs seen;
  for (const auto& row : rows) {
    if (row.outputs.empty()) continue;
    if (row.job == job) {
      seen.own = row.outputs;
    } else {
      seen.others.push_back(row.outputs);
    }
  }
  return seen;
}

} // namespace batchwright
