#include <batchwright/base/background_writer.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/pack.hpp>
#include <batchwright/engine/delivery.hpp>
#include <batchwright/engine/snapshot.hpp>
#include <batchwright/input/input.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <set>

namespace batchwright::engine {
namespace {

namespace fs = std::filesystem;
using results::Format;
using results::MergeOptions;
using results::RawLines;

/// Pipes and devices are written to as they are: they cannot be replaced.
bool is_special(const fs::path& path)
{
  return fs::exists(path) && !fs::is_regular_file(path);
}

constexpr auto answers = ".jsonl";
constexpr auto refusals = ".errors.jsonl";

/// What the outputs of an input are called: its name without what tells how it is packed, and without .jsonl.
std::string stem_of(const std::string& input)
{
  auto name = unpacked_name(fs::path{input}.filename());
  for (const auto* extension : {".jsonl", ".ndjson"})
    if (input::extension_of(name) == extension) name.replace_extension();
  return name.native();
}

/// A name whose two files no other input's outputs have.
std::string unused(const std::string& stem, std::set<std::string>& used)
{
  auto name = stem;
  for (int serial = 2; used.contains(name + answers) || used.contains(name + refusals); ++serial)
    name = fmt::format("{}-{}", stem, serial);
  used.insert({name + answers, name + refusals});
  return name;
}

/// The inputs are read for as long as the job is there: no output takes the place of one.
void spare_inputs(const fs::path& path, const std::vector<PinnedInput>& inputs)
{
  std::error_code missing;
  for (const auto& input : inputs) {
    if (input.spooled || !fs::equivalent(path, input.path, missing) || missing) continue;
    throw Error{Fault::usage, fmt::format("-o {}: is an input of the job, which is still needed", path.native()),
                "name another place"};
  }
}

class Writing {
public:
  Writing(Tools& tools, const Snapshot& seen, const OnDelivered& on_delivered)
      : m_tools(tools), m_seen(seen), m_on_delivered(on_delivered)
  {
  }

  void special(const fs::path& path, const MergeOptions& options)
  {
    const Descriptor fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd) throw_errno("opening", path.native());
    merge(m_tools, m_seen, options, [&](std::string_view bytes) {
      if (!write_all(fd.get(), bytes)) throw_errno("writing", path.native());
    });
  }

  /// `told`: what the user calls it; nothing is told of a file without it.
  void file(const fs::path& path, const MergeOptions& options, const std::string& told)
  {
    spare_inputs(path, m_seen.job.inputs);
    discard_uncommitted(path);
    AtomicFile to{path, AtomicFile::Durable::yes, AtomicFile::Access::by_umask};
    const auto packer = pack(packing_for(path), [&to](std::string_view bytes) { to.write(bytes); });
    BackgroundWriter writer{[&packer](std::string_view bytes) { packer->write(bytes); }};
    const auto merged = merge(m_tools, m_seen, options, [&](std::string_view bytes) { writer.write(bytes); });
    writer.finish();
    packer->end();
    if (options.lines == RawLines::refused && merged.written == 0) return discard_file(path); // of an earlier delivery
    // Beside a matrix, what its rows are; before it, since it is the one that is looked for.
    if (options.format == Format::npy) {
      file(ids_beside(path), {.format = Format::ids, .pending = options.pending}, {});
    }
    to.commit();
    if (m_on_delivered && !told.empty()) m_on_delivered({told, merged.written, to.size()});
  }

  void folder(const fs::path& folder, const Delivery& delivery)
  {
    const auto spans = input_spans(m_seen);
    std::error_code fault;
    fs::create_directory(folder, fault);
    if (fault && !fs::is_directory(folder)) {
      throw Error{Fault::storage, fmt::format("-o {}: {}", folder.native(), fault.message())};
    }
    std::set<std::string> used; // file names
    for (const auto& span : spans) {
      const auto name = unused(stem_of(span.path), used);
      if (span.items > 0) answers_of(span, folder / name, delivery);
    }
  }

private:
  void answers_of(const InputSpan& span, const fs::path& path, const Delivery& delivery)
  {
    MergeOptions options{.format = Format::raw,
                         .pending = delivery.pending,
                         .only = delivery.only,
                         .choice = delivery.choice,
                         .first = span.first,
                         .last = span.last};
    const auto write = [&](RawLines lines, const char* extension) {
      options.lines = lines;
      const auto place = path.native() + extension;
      file(place, options, place);
    };
    write(RawLines::refused, refusals);
    write(RawLines::answered, answers);
  }

  /// vectors.npy has vectors.ids.jsonl, vectors.npy.zst has vectors.ids.jsonl.zst.
  static fs::path ids_beside(const fs::path& matrix)
  {
    const auto plain = unpacked_name(matrix);
    auto ids = plain;
    ids.replace_extension(".ids.jsonl");
    if (plain != matrix) ids += matrix.extension();
    return ids;
  }

  Tools& m_tools;
  const Snapshot& m_seen; // one for all files of a delivery
  const OnDelivered& m_on_delivered;
};

/// Where the files of a delivery are made.
fs::path parent_of(const Delivery& delivery)
{
  const auto place = fs::absolute(delivery.out);
  if (!delivery.is_folder()) return place.parent_path();
  return fs::is_directory(place) ? place : place.parent_path().parent_path(); // it ends in a slash
}

} // namespace

bool Delivery::is_folder() const
{
  return !is_stdout() && (out.ends_with('/') || fs::is_directory(out));
}

Format Delivery::chosen_format() const
{
  if (format) return *format;
  if (is_stdout()) return Format::jsonl;
  return is_folder() ? Format::raw : results::format_for(out);
}

void Delivery::check() const
{
  const auto chosen = chosen_format();
  if (is_stdout() && chosen == Format::npy) {
    throw Error{Fault::usage, "--format npy: a matrix goes into a file, its ids into another beside it",
                "name it: -o vectors.npy"};
  }
  if (is_stdout()) return;
  if (is_folder() && chosen != Format::raw) {
    throw Error{Fault::usage, fmt::format("-o {}: is a directory", out),
                "name a file, or - for stdout; a folder is for ready-made requests: --format raw"};
  }
  const auto parent = parent_of(*this);
  if (!fs::is_directory(parent)) {
    throw Error{Fault::storage, fmt::format("-o {}: there is no directory {}", out, parent.native())};
  }
  if (::access(parent.c_str(), W_OK) != 0 && !is_special(out)) throw_errno("writing into", parent.native());
}

void Delivery::check_against(const Job& job) const
{
  if (is_stdout()) return;
  if (!is_folder()) return spare_inputs(out, job.inputs);
  std::set<std::string> used;
  for (const auto& input : job.inputs) {
    const auto name = fs::path{out} / unused(stem_of(input.path), used);
    for (const auto* extension : {answers, refusals})
      spare_inputs(name.native() + extension, job.inputs);
  }
}

void deliver(Tools& tools, const std::string& job, const Delivery& delivery, const results::Sink& on_stdout,
             const OnDelivered& on_delivered)
{
  delivery.check();
  const MergeOptions options{.format = delivery.chosen_format(),
                             .pending = delivery.pending,
                             .only = delivery.only,
                             .choice = delivery.choice};
  const auto seen = take_snapshot(tools, job);
  Writing writing{tools, seen, on_delivered};
  if (delivery.is_stdout()) {
    merge(tools, seen, options, on_stdout);
  } else if (delivery.is_folder()) {
    writing.folder(delivery.out, delivery);
  } else if (is_special(delivery.out)) {
    writing.special(delivery.out, options);
  } else {
    // A link stays a link: what it points to is replaced.
    const fs::path out{delivery.out};
    writing.file(fs::is_symlink(out) ? fs::weakly_canonical(out) : out, options, delivery.out);
  }
}

} // namespace batchwright::engine
