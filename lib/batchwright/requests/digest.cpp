#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/requests/assembler.hpp>
#include <batchwright/requests/digest.hpp>
#include <batchwright/requests/read_report.hpp>
#include <batchwright/requests/urgency.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>
#include <utility>

namespace batchwright::requests {
namespace {

constexpr std::size_t block_size = 1 << 16;

/// Numbers the kinds of items in the order in which they come.
class KindsMet {
public:
  explicit KindsMet(AskedItems& asked) : m_asked(asked) { m_asked.kinds.clear(); }

  void add(const Request& request)
  {
    const auto [known, fresh] =
        m_known.try_emplace({request.mark.input, request.model, request.endpoint}, m_asked.kinds.size());
    if (fresh) m_asked.kinds.push_back({request.mark, request.model, request.endpoint});
    m_asked.kind_of.push_back(static_cast<std::uint32_t>(known->second));
  }

private:
  AskedItems& m_asked;
  std::map<std::tuple<std::uint32_t, std::string, std::string>, std::size_t> m_known = {};
};

} // namespace

Digest Digester::of(std::string_view url, std::string_view body)
{
  constexpr std::string_view nul{"\0", 1};
  m_sha.update(url);
  m_sha.update(nul);
  m_sha.update(body);
  const auto whole = m_sha.take();
  Digest digest;
  std::copy_n(whole.begin(), digest.bytes.size(), digest.bytes.begin());
  return digest;
}

void DigestWriter::add(const Digest& digest)
{
  m_file.write({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
}

DigestReader::DigestReader(const Part& part, const std::filesystem::path& list, const std::filesystem::path& digests)
    : m_ordinals(part, list), m_file(digests)
{
  if (m_file.size() != part.items * sizeof(Digest::bytes)) {
    throw Error{Fault::storage, fmt::format("reading {}: it does not hold a digest for each of {} items",
                                            digests.native(), part.items)};
  }
}

std::optional<DigestReader::Entry> DigestReader::next()
{
  const auto ordinal = m_ordinals.next();
  if (!ordinal) return std::nullopt;
  Entry entry{.ordinal = *ordinal};
  for (std::size_t have = 0; have < entry.digest.bytes.size();) {
    if (m_at == m_buffer.size()) {
      m_buffer.resize(block_size);
      m_buffer.resize(m_file.read(m_buffer.data(), m_buffer.size()));
      m_at = 0;
      ensure(!m_buffer.empty(), "a file of digests is as long as it was");
    }
    const auto n = std::min(entry.digest.bytes.size() - have, m_buffer.size() - m_at);
    std::memcpy(entry.digest.bytes.data() + have, m_buffer.data() + m_at, n);
    have += n;
    m_at += n;
  }
  return entry;
}

AskedItems read_asked(const Job& job, const OnRead& on_read)
{
  AskedItems asked;
  const auto assembler = assembler_for(job, 1);
  const Urgency urgency{job.urgent};
  std::optional<KindsMet> kinds;
  if (is_ready_made(job)) kinds.emplace(asked);
  ReadReport report{job.inputs, on_read};
  const auto stream = input::open(job.inputs, {job.skip_bad, {}});
  while (const auto* item = stream->next()) {
    report.at(item->mark);
    const auto* request = assembler->take(*item);
    asked.digests.push_back(assembler->digest());
    if (urgency.has_conditions()) asked.urgent.push_back(urgency.holds(*item));
    if (kinds) kinds->add(*request);
  }
  return asked;
}

void write_ids(const Job& job, const Mark& mark, const std::vector<Ordinal>& items, const std::filesystem::path& path)
{
  const auto assembler = assembler_for(job, 1);
  const auto stream = input::open(job.inputs, {job.skip_bad, {}}, mark);
  AtomicFile file{path};
  std::string line;
  for (const auto ordinal : items) {
    const auto* item = stream->next();
    while (item && item->mark.ordinal < ordinal)
      item = stream->next();
    if (!item) {
      throw Error{Fault::input, fmt::format("the input is not what it was: it ends before item {}", ordinal),
                  "put the files back as they were"};
    }
    line.clear();
    json::append_string(line, assembler->custom_id(*item));
    line += '\n';
    file.write(line);
  }
  file.commit();
}

} // namespace batchwright::requests
