// A part's file, the same bytes each time: read from the part's mark, made, digested and written in one pass.

#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/requests/requests.hpp>

#include <fmt/format.h>

namespace batchwright::requests {
namespace {

Error changed(std::string_view how)
{
  return {Fault::input, fmt::format("the input is not what it was when the job was made: {}", how),
          "put the files back as they were, or submit them as a new job with --name"};
}

Built write_part(const Job& job, const Part& part, const std::filesystem::path& list, const std::filesystem::path& path)
{
  const LineMaker maker{job.request};
  const auto stream = input::open(job.inputs, {job.skip_bad, {}}, part.mark);
  Ordinals ordinals{part, list};
  AtomicFile file{path};
  Sha256 digest;
  Built built;
  std::string line;
  while (const auto wanted = ordinals.next()) {
    const auto* item = stream->next();
    while (item && item->mark.ordinal < *wanted)
      item = stream->next();
    if (!item) throw changed(fmt::format("it ends before item {}", *wanted));
    ensure(item->mark.ordinal == *wanted, "a part's mark stands at or before its first item");
    line.clear();
    maker.append(line, *item);
    digest.update(line);
    file.write(line);
    ++built.requests;
  }
  built.bytes = file.size();
  built.sha256 = digest.hex();
  if (part.bytes > 0 && built.bytes != part.bytes) {
    throw changed(fmt::format("{} bytes of requests, expected {}", built.bytes, part.bytes));
  }
  if (!part.sha256.empty() && built.sha256 != part.sha256) throw changed("as many bytes of requests, but other ones");
  file.commit();
  return built;
}

} // namespace

Built build(const Job& job, const Part& part, const std::filesystem::path& ordinals, const std::filesystem::path& file)
{
  try {
    return write_part(job, part, ordinals, file);
  } catch (const Error& e) {
    throw e.in(fmt::format("building part {}", part.number));
  }
}

} // namespace batchwright::requests
