#include "app/delivery.hpp"

#include "app/delivery_folder.hpp"
#include "app/handover.hpp"
#include "app/session.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/report/plan.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace app {
namespace {

namespace bw = batchwright;
namespace fs = std::filesystem;
using bw::Error;
using bw::Fault;

/// Pipes and devices are written to as they are: they cannot be replaced.
bool is_special(const fs::path& path)
{
  return fs::exists(path) && !fs::is_regular_file(path);
}

void write_to_special(const fs::path& path, const auto& produce)
{
  const bw::Descriptor fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd) bw::throw_errno("opening", path.native());
  produce([&](std::string_view bytes) {
    if (!bw::write_all(fd.get(), bytes)) bw::throw_errno("writing", path.native());
  });
}

/// Beside a matrix, what its rows are: vectors.npy has vectors.ids.jsonl.
void write_ids(const std::string& job, fs::path matrix, bw::results::Pending pending, Session& session)
{
  bw::AtomicFile file{matrix.replace_extension(".ids.jsonl"), bw::AtomicFile::Durable::yes,
                      bw::AtomicFile::Access::by_umask};
  bw::engine::deliver(session.tools(), job, {bw::results::Format::ids, pending},
                      [&](std::string_view bytes) { file.write(bytes); });
  file.commit();
}

} // namespace

bool Delivery::is_folder() const
{
  return out != "-" && (out.ends_with('/') || fs::is_directory(out));
}

bw::results::Format Delivery::chosen_format() const
{
  if (!format && is_folder()) return bw::results::Format::raw;
  return format ? *format : bw::results::format_for(out);
}

void Delivery::check() const
{
  const auto asked = out == "-" && !format ? bw::results::Format::jsonl : chosen_format();
  if (out == "-" && asked == bw::results::Format::npy) {
    throw Error{Fault::usage, "--format npy: a matrix goes into a file, its ids into another beside it",
                "name it: -o vectors.npy"};
  }
  if (out == "-") return;
  if (is_folder() && asked != bw::results::Format::raw) {
    throw Error{Fault::usage, fmt::format("-o {}: is a directory", out),
                "name a file, or - for stdout; a folder is for ready-made requests: --format raw"};
  }
  const auto place = fs::absolute(out);
  const auto parent = is_folder() && !fs::is_directory(out) ? place.parent_path().parent_path()
                      : is_folder()                         ? place
                                                            : place.parent_path();
  if (!fs::is_directory(parent)) {
    throw Error{Fault::storage, fmt::format("-o {}: there is no directory {}", out, parent.native())};
  }
  if (::access(parent.c_str(), W_OK) != 0 && !is_special(out)) bw::throw_errno("writing into", parent.native());
}

void deliver(const std::string& job, const Delivery& delivery, bw::results::Pending pending, Session& session)
{
  const auto format = delivery.chosen_format();
  bw::results::Merged merged;
  if (delivery.is_folder()) {
    deliver_into(delivery.out, job, pending, session);
    return;
  }
  const auto produce = [&](const bw::results::Sink& sink) {
    merged = bw::engine::deliver(session.tools(), job, {format, pending}, sink);
  };
  if (delivery.out == "-") {
    produce([&](std::string_view bytes) { session.console().write(bytes); });
  } else if (is_special(delivery.out)) {
    write_to_special(delivery.out, produce);
  } else {
    // A link stays a link: what it points to is replaced.
    const auto place = fs::is_symlink(delivery.out) ? fs::weakly_canonical(delivery.out) : fs::path{delivery.out};
    bw::AtomicFile file{place, bw::AtomicFile::Durable::yes, bw::AtomicFile::Access::by_umask};
    produce([&](std::string_view bytes) { file.write(bytes); });
    if (format == bw::results::Format::npy) write_ids(job, place, pending, session);
    file.commit();
    session.console().say(bw::report::delivered(delivery.out, merged.written, file.size()));
  }
}

void tell_end(const bw::JobView& view, Stdout out, Session& session)
{
  if (session.globals.json || view.state == bw::JobState::done) return session.console().conclude(view, out);
  session.console().say(bw::report::next_step(view));
}

bw::Exit finish(const bw::JobView& view, const std::optional<Delivery>& delivery, Session& session)
{
  const bool done = view.state == bw::JobState::done;
  const auto handed = hand_over(view, session);
  if (done && delivery) {
    deliver(view.job, *delivery, bw::results::Pending::refuse, session);
    bw::engine::record_fetched(session.tools(), view.job);
  }
  tell_end(view, delivery ? delivery->stdout_use() : Stdout::is_free, session);
  return done ? bw::graver(bw::exit_for(view), handed) : stopped_by_user().value_or(bw::exit_for(view));
}

std::optional<bw::Exit> stopped_by_user()
{
  const auto& interrupt = bw::process_interrupt();
  if (!interrupt.asked()) return std::nullopt;
  return interrupt.signal() == SIGTERM ? bw::Exit::terminated : bw::Exit::interrupted;
}

} // namespace app
