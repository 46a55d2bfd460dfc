// A part's file, the same bytes each time: read from the part's mark, made, digested and written in one pass.

#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/requests/assembler.hpp>
#include <batchwright/requests/requests.hpp>

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

/// The users' ids of a part's items, where its requests carry others.
class IdFile {
public:
  IdFile(const Job& job, const LineMaker& maker, const std::filesystem::path& path) : m_maker(maker)
  {
    if (!job.request.id_column.empty() && job.request.inputs_per_request > 1) m_file.emplace(path);
  }

  void add(const input::Item& item)
  {
    if (!m_file) return;
    m_line.clear();
    json::append_string(m_line, m_maker.custom_id(item));
    m_line += '\n';
    m_file->write(m_line);
  }

  void commit()
  {
    if (m_file) m_file->commit();
  }

private:
  const LineMaker& m_maker;
  std::optional<AtomicFile> m_file = {};
  std::string m_line = {};
};

/// The request file, digested while it is written.
class RequestFile {
public:
  explicit RequestFile(const std::filesystem::path& path) : m_file(path) {}

  void add(const Request* request)
  {
    if (!request) return;
    m_digest.update(request->line);
    m_file.write(request->line);
    ++m_requests;
  }

  Built built() { return {m_requests, m_file.size(), m_digest.hex()}; }
  void commit() { m_file.commit(); }

private:
  AtomicFile m_file;
  Sha256 m_digest = {};
  std::uint64_t m_requests = 0;
};

Built write_part(const Job& job, const Part& part, const PartFiles& files)
{
  const LineMaker maker{job.request};
  const auto pack = part.inputs_per_request > 0 ? part.inputs_per_request : job.request.inputs_per_request;
  Assembler assembler{maker, pack, job.limits.bytes};
  const auto stream = input::open(job.inputs, {job.skip_bad, {}}, part.mark);
  Ordinals ordinals{part, files.ordinals};
  RequestFile file{files.requests};
  IdFile ids{job, maker, files.ids};
  while (const auto wanted = ordinals.next()) {
    const auto* item = stream->next();
    while (item && item->mark.ordinal < *wanted)
      item = stream->next();
    if (!item) throw changed(fmt::format("it ends before item {}", *wanted));
    ensure(item->mark.ordinal == *wanted, "a part's mark stands at or before its first item");
    file.add(assembler.take(*item));
    ids.add(*item);
  }
  file.add(assembler.finish());
  const auto built = file.built();
  if (part.bytes > 0 && built.bytes != part.bytes) {
    throw changed(fmt::format("{} bytes of requests, expected {}", built.bytes, part.bytes));
  }
  if (!part.sha256.empty() && built.sha256 != part.sha256) throw changed("as many bytes of requests, but other ones");
  ids.commit();
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
