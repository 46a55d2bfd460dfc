#include "app/delivery_folder.hpp"

#include "app/session.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/report/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace app {
namespace {

namespace bw = batchwright;
namespace fs = std::filesystem;
using bw::results::RawLines;

/// What the outputs of an input are called: its name without what tells how it is packed, and without .jsonl.
std::string stem_of(const std::string& input)
{
  auto name = fs::path{input}.filename();
  for (const auto* extension : {".gz", ".zst", ".jsonl", ".ndjson"})
    if (bw::input::extension_of(name) == extension) name.replace_extension();
  return name.native();
}

/// A name that no other output has.
std::string unused(const std::string& stem, std::set<std::string>& used)
{
  auto name = stem;
  for (int serial = 2; !used.insert(name).second; ++serial)
    name = fmt::format("{}-{}", stem, serial);
  return name;
}

/// Writes those lines of the input's items; where there are none, no file (`RawLines::refused`) or an empty one.
void write_lines(const fs::path& place, const std::string& job, const bw::results::MergeOptions& options,
                 Session& session)
{
  bw::AtomicFile file{place, bw::AtomicFile::Durable::yes, bw::AtomicFile::Access::by_umask};
  std::uint64_t lines = 0;
  bw::engine::deliver(session.tools(), job, options, [&](std::string_view bytes) {
    lines += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    file.write(bytes);
  });
  if (options.lines == RawLines::refused && file.size() == 0) return bw::discard_file(place);
  file.commit();
  session.console().say(bw::report::delivered(place.native(), lines, file.size()));
}

} // namespace

void deliver_into(const fs::path& folder, const std::string& job, bw::results::Pending pending, Session& session)
{
  const auto spans = bw::engine::input_spans(session.tools(), job);
  std::error_code fault;
  fs::create_directory(folder, fault);
  if (fault && !fs::is_directory(folder)) {
    throw bw::Error{bw::Fault::storage, fmt::format("-o {}: {}", folder.native(), fault.message())};
  }
  std::set<std::string> used;
  for (const auto& span : spans) {
    const auto name = unused(stem_of(span.path), used);
    bw::results::MergeOptions options{
        .format = bw::results::Format::raw, .pending = pending, .first = span.first, .last = span.last};
    if (span.items == 0) continue;
    options.lines = RawLines::refused;
    write_lines(folder / (name + ".errors.jsonl"), job, options, session);
    options.lines = RawLines::answered;
    write_lines(folder / (name + ".jsonl"), job, options, session);
  }
}

} // namespace app
