// A part's file, the same bytes each time: read from the part's mark, made, digested and written in one pass.

#include <batchwright/base/digested_file.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/requests/assembler.hpp>
#include <batchwright/requests/digest.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/requests/urgency.hpp>

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace batchwright::requests {
namespace {

Error changed(std::string_view how)
{
  return {Fault::input, fmt::format("the input is not what it was when the job was made: {}", how),
          "put the files back as they were, or submit them as a new job with --name"};
}

/// The users' ids of a part's items, where they are listed.
class IdFile {
public:
  IdFile(const Job& job, const Assembler& assembler, const std::filesystem::path& path) : m_assembler(assembler)
  {
    if (lists_ids(job)) m_file.emplace(path);
  }

  void add(const input::Item& item)
  {
    if (!m_file) return;
    m_line.clear();
    json::append_string(m_line, m_assembler.custom_id(item));
    m_line += '\n';
    m_file->write(m_line);
  }

  void commit()
  {
    if (m_file) m_file->commit();
  }

private:
  const Assembler& m_assembler;
  std::optional<AtomicFile> m_file = {};
  std::string m_line = {};
};

/// What each item asks, for other jobs that ask the same; none where no file is wanted.
class DigestFile {
public:
  DigestFile(Assembler& assembler, const std::filesystem::path& path) : m_assembler(assembler)
  {
    if (!path.empty()) m_file.emplace(path);
  }

  /// REQUIRED: the item was taken last.
  void add()
  {
    if (m_file) m_file->add(m_assembler.digest());
  }

  void commit()
  {
    if (m_file) m_file->commit();
  }

private:
  Assembler& m_assembler;
  std::optional<DigestWriter> m_file = {};
};

/// The request file, digested while it is written.
class RequestFile {
public:
  /// `counts_tokens`: not, where they are known.
  RequestFile(const std::filesystem::path& path, Assembler& assembler, bool counts_tokens)
      : m_file(path), m_assembler(assembler), m_counts_tokens(counts_tokens)
  {
  }

  void add(const Request* request)
  {
    if (!request) return;
    m_file.write(request->line);
    ++m_requests;
    if (m_counts_tokens) m_tokens += m_assembler.tokens(*request);
  }

  Built built() { return {m_requests, m_file.size(), m_file.sha256(), m_tokens}; }
  void commit() { m_file.commit(); }

private:
  DigestedFile m_file;
  Assembler& m_assembler;
  bool m_counts_tokens;
  std::uint64_t m_requests = 0;
  Tokens m_tokens = {};
};

/// The files that are written item by item.
struct Written {
  RequestFile& requests;
  IdFile& ids;
  DigestFile& digests;

  void add(const Request* request, const input::Item& item) const
  {
    requests.add(request);
    ids.add(item);
    digests.add();
  }
};

/// Writes the items of a part that is a range or has a list.
void write_items(const Part& part, const PartFiles& files, input::Stream& stream, const auto& write)
{
  input::Ordinals ordinals{part, files.ordinals};
  while (const auto wanted = ordinals.next()) {
    const auto* item = stream.next();
    while (item && item->mark.ordinal < *wanted)
      item = stream.next();
    if (!item) throw changed(fmt::format("it ends before item {}", *wanted));
    ensure(item->mark.ordinal == *wanted, "a part's mark stands at or before its first item");
    write(*item);
  }
}

/// Writes those items between a part's first and last that are of its kind, and their list: of ready-made requests, by
/// model and endpoint; where some are urgent, tried first or not sent, those or the others.
void write_matching(const Job& job, const Part& part, const PartFiles& files, input::Stream& stream,
                    Assembler& assembler, const Written& written)
{
  Kinds kinds{job, files.unsent};
  input::OrdinalWriter list{files.ordinals};
  std::uint64_t found = 0;
  for (const auto* item = stream.next(); item && item->mark.ordinal <= part.last; item = stream.next()) {
    if (!kinds.picks(part.pick, *item)) continue;
    const auto* request = assembler.take(*item);
    const bool is_other = is_ready_made(job) && (request->model != part.model || request->endpoint != part.endpoint);
    if (is_other) continue;
    written.add(request, *item);
    list.add(item->mark.ordinal);
    ++found;
  }
  written.requests.add(assembler.finish());
  if (found != part.items) throw changed(fmt::format("{} items for this part, expected {}", found, part.items));
  list.commit();
}

Built write_part(const Job& job, const Part& part, const PartFiles& files)
{
  const auto assembler = assembler_for(job, part);
  const auto stream = input::open(job.inputs, {job.skip_bad, {}}, part.mark);
  RequestFile file{files.requests, *assembler, part.listed};
  IdFile ids{job, *assembler, files.ids};
  DigestFile digests{*assembler, files.digests};
  const Written written{file, ids, digests};
  if (part.has_list() && !part.listed) {
    write_matching(job, part, files, *stream, *assembler, written);
  } else {
    write_items(part, files, *stream, [&](const input::Item& item) { written.add(assembler->take(item), item); });
    file.add(assembler->finish());
  }
  const auto built = file.built();
  if (part.bytes > 0 && built.bytes != part.bytes) {
    throw changed(fmt::format("{} bytes of requests, expected {}", built.bytes, part.bytes));
  }
  if (!part.sha256.empty() && built.sha256 != part.sha256) throw changed("as many bytes of requests, but other ones");
  ids.commit();
  digests.commit();
  file.commit();
  return built;
}

} // namespace

Built build(const Job& job, const Part& part, const PartFiles& files)
{
  try {
    return write_part(job, part, files);
  } catch (const Error& e) {
    throw e.in(fmt::format("building part {}", part.number));
  }
}

} // namespace batchwright::requests
