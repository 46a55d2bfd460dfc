#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/realtime/journal.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace batchwright::realtime {
namespace {

/// Room is reserved in such steps, and at least one of them is kept ahead.
constexpr std::uint64_t room_step = 8 << 20;

/// How long an answer may wait for others to be synced with it, where nobody waits for that.
constexpr std::chrono::milliseconds group_time{5};

/// Cuts a file off, and with it what is reserved behind its end.
bool cut(const Descriptor& file, std::uint64_t size) noexcept
{
  return ::ftruncate(file.get(), static_cast<off_t>(size)) == 0;
}

std::uint64_t size_of(const Descriptor& file, const std::filesystem::path& path)
{
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) throw_errno("looking at", path.native());
  return static_cast<std::uint64_t>(info.st_size);
}

/// The error number of the syncing; 0: none.
int sync_data(const Descriptor& file) noexcept
{
  while (::fdatasync(file.get()) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

bool tells_of_a_full_disk(int code)
{
  return code == ENOSPC || code == EDQUOT || code == EFBIG || code == EIO;
}

} // namespace

struct Journal::State {
  State(std::filesystem::path at, std::uint64_t requests);
  ~State();

  void open();
  void read();
  void take(const JournalLine& line);
  void write(const JournalLine& line, std::string_view bytes);
  [[noreturn]] void take_back();
  void make_room();
  void sync_in_groups();
  void sync();

  std::filesystem::path path;
  Descriptor file = {};
  mutable std::mutex mutex = {};
  std::optional<Error> broken = {}; // what every call throws from here on

  std::vector<JournalTrail> trails; // by request
  std::uint64_t answered = 0;
  std::uint64_t billed_again = 0;

  std::uint64_t size = 0;     // of the whole lines
  std::uint64_t reserved = 0; // the disk has room for the file up to here
  bool reserves = true;       // the file system can
  std::uint64_t in_flight = 0;
  std::uint64_t answers = 0;      // written by us
  std::uint64_t answer_bytes = 0; // of those

  // Writes are counted: the first `synced` of them are durable, and the first `due` of them shall be.
  std::uint64_t written = 0;
  std::uint64_t due = 0;
  std::uint64_t synced = 0;
  int waiting = 0; // threads in sync()
  bool is_closing = false;
  std::condition_variable to_sync = {};
  std::condition_variable to_hurry = {}; // not woken by each answer
  std::condition_variable was_synced = {};
  std::thread syncer = {};
};

Journal::State::State(std::filesystem::path at, std::uint64_t requests) : path(std::move(at)), trails(requests)
{
  open();
  read();
  if (size > 0) written = due = 1; // another process wrote it, and need not have seen it synced
  syncer = std::thread{[this] { sync_in_groups(); }};
}

Journal::State::~State()
{
  {
    const std::lock_guard lock{mutex};
    is_closing = true;
    due = written;
  }
  to_sync.notify_one();
  to_hurry.notify_one();
  syncer.join();
  if (reserved > size) cut(file, size);
}

void Journal::State::open()
{
  file = Descriptor{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) throw_unwritten("opening", path.native());
  // Before its first line is written the file is sure to be found again.
  if (size_of(file, path) == 0) sync_directory(path.has_parent_path() ? path.parent_path() : ".");
}

void Journal::State::read()
{
  LineReader lines{path};
  for (auto line = lines.next(); line && line->ended; line = lines.next()) {
    size = line->offset + line->text.size() + 1;
    if (const auto ours = read_journal_line(line->text)) take(*ours);
  }
  const bool is_torn = size_of(file, path) > size;
  if (!cut(file, size) && is_torn) throw_unwritten("cutting a torn line off", path.native());
  reserved = size;
}

void Journal::State::take(const JournalLine& line)
{
  ensure(line.request < trails.size(), "a journal holds lines of its part's requests");
  auto& trail = trails[line.request];
  const bool was_answered = trail.answered();
  if (trail.take(line)) ++billed_again;
  if (trail.answered() && !was_answered) ++answered;
}

/// In the system's hands or not at all.
void Journal::State::write(const JournalLine& line, std::string_view bytes)
{
  const std::lock_guard lock{mutex};
  if (broken) throw *broken;
  ensure(line.request < trails.size(), "a journal takes lines of its part's requests");
  if (line.kind == JournalLine::Kind::begin) make_room();
  if (!write_all(file.get(), bytes)) take_back();
  size += bytes.size();
  ++written;
  take(line);
  if (line.kind == JournalLine::Kind::begin) {
    ++in_flight;
  } else if (in_flight > 0) {
    --in_flight;
  }
  if (line.kind != JournalLine::Kind::answer) return;
  ++answers;
  answer_bytes += bytes.size();
  due = written;
  to_sync.notify_one();
}

/// Throws why a write failed. What it left must go, or the next line would begin behind it.
void Journal::State::take_back()
{
  const int why = errno;
  reserved = size;
  if (!cut(file, size)) {
    broken = Error{Fault::disk, fmt::format("writing {}: half a line stands there and cannot be taken back: {}",
                                            path.native(), std::generic_category().message(errno))};
  }
  errno = why;
  throw_unwritten("writing", path.native());
}

/// For the answers that are under way, as large as the others were on average, and a step more.
void Journal::State::make_room()
{
  const auto under_way = answers > 0 ? in_flight * (answer_bytes / answers) : 0;
  const auto needed = size + under_way + room_step;
  if (!reserves || needed <= reserved) return;
  const auto from = std::max(size, reserved);
  const auto to = (needed / room_step + 1) * room_step;
  while (::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from), static_cast<off_t>(to - from)) != 0) {
    if (errno == EINTR) continue;
    if (tells_of_a_full_disk(errno)) throw_unwritten("reserving room for", path.native());
    reserves = false;
    return;
  }
  reserved = to;
}

/// The syncer: what was written while it syncs, and a moment after that, is the next group.
void Journal::State::sync_in_groups()
{
  std::unique_lock lock{mutex};
  for (;;) {
    to_sync.wait(lock, [this] { return due > synced || is_closing; });
    if (due <= synced) return;
    to_hurry.wait_for(lock, group_time, [this] { return waiting > 0 || is_closing; });
    const auto group = written;
    lock.unlock();
    const int fault = sync_data(file);
    lock.lock();
    if (fault == 0) {
      synced = group;
    } else {
      broken = Error{Fault::disk, fmt::format("syncing {}: {}", path.native(), std::generic_category().message(fault))};
    }
    was_synced.notify_all();
    if (fault != 0) return;
  }
}

void Journal::State::sync()
{
  std::unique_lock lock{mutex};
  const auto so_far = written;
  due = so_far;
  ++waiting;
  to_sync.notify_one();
  to_hurry.notify_one();
  was_synced.wait(lock, [&] { return broken || synced >= so_far; });
  --waiting;
  if (broken) throw *broken;
}

Journal::Journal(const std::filesystem::path& path, std::uint64_t requests)
    : m_state(std::make_unique<State>(path, requests))
{
}

Journal::~Journal() = default;

Known Journal::known(std::uint64_t request) const
{
  ensure(request < m_state->trails.size(), "a journal is asked for its part's requests");
  const std::lock_guard lock{m_state->mutex};
  const auto& trail = m_state->trails[request];
  return {.answered = trail.answered(),
          .attempt = trail.attempt(),
          .open = trail.is_open(),
          .timed_out = trail.timed_out()};
}

std::uint64_t Journal::answered() const
{
  const std::lock_guard lock{m_state->mutex};
  return m_state->answered;
}

std::uint64_t Journal::billed_again() const
{
  const std::lock_guard lock{m_state->mutex};
  return m_state->billed_again;
}

void Journal::begin(std::uint64_t request, int attempt)
{
  std::string line;
  append_begin(line, request, attempt);
  m_state->write({.kind = JournalLine::Kind::begin, .request = request, .attempt = attempt}, line);
}

void Journal::missed(const JournalLine& missed, std::string_view why)
{
  auto mark = missed;
  mark.kind = JournalLine::Kind::missed;
  std::string line;
  append_missed(line, mark, why);
  m_state->write(mark, line);
}

void Journal::answer(std::uint64_t request, std::string_view line)
{
  const auto ours = read_journal_line(line);
  ensure(ours && ours->kind == JournalLine::Kind::answer && ours->request == request, "an answer begins with its id");
  ensure(line.find('\n') == line.size() - 1, "an answer is one whole line");
  m_state->write(*ours, line);
}

void Journal::sync()
{
  m_state->sync();
}

} // namespace batchwright::realtime
