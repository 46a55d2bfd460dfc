#include <batchwright/api/download.hpp>
#include <batchwright/api/reply.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/frames.hpp>
#include <batchwright/base/pack.hpp>
#include <batchwright/base/unpack.hpp>
#include <batchwright/base/write_back.hpp>
#include <batchwright/http/head.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>
#include <vector>

namespace batchwright::api {
namespace {

// A line that breaks again and again is left to a later call.
constexpr int most_tries = 8;

/// The answer begins elsewhere than asked, so its bytes cannot be used.
struct WrongRange {};

/// Where the bytes of a 206 begin: "bytes 500-999/1000".
std::optional<std::uint64_t> range_start(std::string_view content_range)
{
  constexpr std::string_view unit = "bytes ";
  if (!content_range.starts_with(unit)) return std::nullopt;
  content_range.remove_prefix(unit.size());
  std::uint64_t start = 0;
  const auto [end, fault] = std::from_chars(content_range.data(), content_range.data() + content_range.size(), start);
  const bool dash = end != content_range.data() + content_range.size() && *end == '-';
  return fault == std::errc{} && dash ? std::optional{start} : std::nullopt;
}

/// `TO.part`: grows at its end, or starts over where the server does. Packed, in frames, where the name says so: what a
/// frame does not hold yet is lost with the process, and only that.
class PartFile final : public http::Sink {
public:
  PartFile(std::filesystem::path path, Packing packing, const http::OnBytes& on_received)
      : m_path(std::move(path)),
        m_fd(::open(m_path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)),
        m_packing(packing),
        m_on_received(on_received)
  {
    struct stat info = {};
    if (!m_fd || ::fstat(m_fd.get(), &info) != 0) throw_unwritten("opening", m_path.native());
    m_size = m_stored = static_cast<std::uint64_t>(info.st_size);
    m_packer = make_packer();
    if (m_packing != Packing::none) keep_whole_frames();
  }

  std::uint64_t size() const { return m_size; }

  void start_over()
  {
    cut(0);
    m_packer = make_packer();
    m_size = 0;
  }

  void begin(const http::Response& head) override
  {
    if (head.status != 206) {
      start_over();
    } else if (range_start(head.header("Content-Range")) != m_size) {
      throw WrongRange{};
    }
  }

  void write(std::string_view block) override
  {
    m_packer->write(block);
    m_size += block.size();
    if (m_on_received) m_on_received(m_size);
  }

  /// All of it is in the file. What is written next begins anew.
  void finish() { m_packer->end(); }

  /// REQUIRED: finish().
  void move_to(const std::filesystem::path& place)
  {
    if (::fsync(m_fd.get()) != 0) throw_unwritten("syncing", m_path.native());
    if (::rename(m_path.c_str(), place.c_str()) != 0) throw_unwritten("renaming to", place.native());
    sync_directory(place.has_parent_path() ? place.parent_path() : ".");
  }

  /// REQUIRED: finish().
  bool ends_in_whole_line() const { return api::ends_in_whole_line(m_path); }

private:
  std::unique_ptr<Packer> make_packer()
  {
    const auto sink = [this](std::string_view bytes) { store(bytes); };
    return m_packing == Packing::none ? pack(Packing::none, sink) : pack_frames(sink);
  }

  void store(std::string_view bytes)
  {
    if (!write_all(m_fd.get(), bytes)) give_back();
    m_stored += bytes.size();
    m_write_back.wrote(m_fd.get(), m_stored);
  }

  /// Goes on behind what an earlier process wrote: a frame that it did not finish, or that does not unpack, is cut off
  /// with all behind it.
  void keep_whole_frames()
  {
    InputFile file{m_path};
    FrameWalk walk{file};
    FrameUnpacker unpacker;
    std::vector<char> bytes(frame_size);
    std::uint64_t end = 0;
    m_size = 0;
    for (auto frame = walk.next(); frame && unpacker.unpack(walk.packed(), bytes.data(), frame->size);
         frame = walk.next()) {
      m_size = frame->offset + frame->size;
      end = frame->packed_offset + frame->packed_size;
    }
    cut(end);
  }

  void cut(std::uint64_t size)
  {
    if (::ftruncate(m_fd.get(), static_cast<off_t>(size)) != 0) throw_unwritten("cutting", m_path.native());
    m_stored = size;
    m_write_back.cut(size);
  }

  /// A full disk gets back what this file took of it: the state database needs room, too, and the server has it all.
  [[noreturn]] void give_back()
  {
    const int code = errno;
    if (::ftruncate(m_fd.get(), 0) == 0) m_size = m_stored = 0;
    errno = code;
    throw_unwritten("writing", m_path.native());
  }

  std::filesystem::path m_path;
  Descriptor m_fd;
  Packing m_packing;
  const http::OnBytes& m_on_received;
  std::unique_ptr<Packer> m_packer = {};
  std::uint64_t m_size = 0;   // of what came
  std::uint64_t m_stored = 0; // of it, in the file, as it stands there
  WriteBack m_write_back = {};
};

std::filesystem::path part_path(std::filesystem::path to)
{
  return to += ".part";
}

class Download {
public:
  Download(http::Transport& transport, const DownloadOrder& order)
      : m_transport(transport), m_order(order), m_part(part_path(order.to), packing_for(order.to), order.on_received)
  {
  }

  Reply<Downloaded> run()
  {
    if (m_order.bytes && m_part.size() > *m_order.bytes) m_part.start_over();
    for (int left = most_tries;; --left) {
      auto reply = fetch();
      if (!m_again || left == 1) return reply;
    }
  }

private:
  /// One try. Sets m_again where another one makes sense at once.
  Reply<Downloaded> fetch()
  {
    m_again = false;
    const auto had = m_part.size();
    if (had > 0 && had == m_order.bytes) return settle({.ending = Ending::ok}, true);
    http::Response response;
    try {
      response = m_transport.send(request(had), &m_part);
    } catch (const WrongRange&) {
      return from_the_start("the server answered with another range than was asked for");
    }
    if (response.status == 416 && had > 0) return from_the_start("the server does not have the range asked for");
    auto reply = reply_to<Downloaded>(response);
    if (!reply.ok()) {
      m_again = response.status >= 200 && response.status < 300 && m_part.size() > had;
      return reply;
    }
    const http::Head head{.headers = response.headers};
    return settle(std::move(reply), head.content_length() || head.is_chunked());
  }

  http::Request request(std::uint64_t had) const
  {
    constexpr std::uint64_t unknown = std::uint64_t{1} << 30;
    http::Request request{.path = m_order.path};
    if (had > 0) request.from = had;
    request.timeouts.total = transfer_time(m_order.bytes.value_or(unknown));
    return request;
  }

  Reply<Downloaded> from_the_start(std::string trouble)
  {
    m_part.start_over();
    m_again = true;
    return {.ending = Ending::unknown, .trouble = std::move(trouble)};
  }

  /// The bytes are here; are they the file? `announced`: the length of the answer was known.
  Reply<Downloaded> settle(Reply<Downloaded> reply, bool announced)
  {
    const auto size = m_part.size();
    if (m_order.bytes && size != *m_order.bytes) {
      reply.ending = Ending::unknown;
      reply.trouble = fmt::format("the file has {} bytes, but {} came", *m_order.bytes, size);
      if (size > *m_order.bytes) m_part.start_over();
      return reply;
    }
    const bool measured = announced || m_order.bytes;
    m_part.finish();
    const bool whole_line = m_part.ends_in_whole_line();
    const bool again_the_same = m_doubted == size && (measured || whole_line);
    if (!(measured && whole_line) && !again_the_same) return doubt(size, whole_line);
    reply.value = {.bytes = size, .last_line_whole = whole_line};
    m_part.move_to(m_order.to);
    return reply;
  }

  /// What came may be the file, or a file cut: only a second look can tell.
  Reply<Downloaded> doubt(std::uint64_t size, bool whole_line)
  {
    auto reply = from_the_start(whole_line ? "nothing told how long the file is, and it came but once with this length"
                                           : "the file ends in the middle of a line");
    m_again = m_doubted != size;
    m_doubted = size;
    return reply;
  }

  http::Transport& m_transport;
  const DownloadOrder& m_order;
  PartFile m_part;
  bool m_again = false;
  std::optional<std::uint64_t> m_doubted = {}; // the length of a former try that may have been the whole file
};

/// The offset of the first byte of the last line that holds anything; nothing for a file of blanks.
template<class File>
std::optional<std::uint64_t> last_line(File& file)
{
  std::string block(std::size_t{64} * 1024, '\0');
  bool inside = false;
  for (auto end = file.size(); end > 0;) {
    const auto begin = end > block.size() ? end - block.size() : 0;
    auto left = static_cast<std::size_t>(end - begin);
    if (!file.read_at(begin, block.data(), left)) return std::nullopt;
    while (left > 0) {
      const char c = block[--left];
      if (c == '\n' && inside) return begin + left + 1;
      inside = inside || (c != '\n' && c != '\r' && c != ' ');
    }
    end = begin;
  }
  return inside ? std::optional<std::uint64_t>{0} : std::nullopt;
}

std::optional<std::uint64_t> last_line_of(const std::filesystem::path& path)
{
  if (is_packed(path.native())) {
    FramedFile file{path};
    return last_line(file);
  }
  InputFile file{path};
  return last_line(file);
}

} // namespace

Reply<Downloaded> download(http::Transport& transport, const DownloadOrder& order)
{
  return Download{transport, order}.run();
}

Millis transfer_time(std::uint64_t bytes)
{
  constexpr Millis start{600'000};
  constexpr std::uint64_t slowest = 32'768; // bytes a second
  return start + std::chrono::seconds{bytes / slowest};
}

bool ends_in_whole_line(const std::filesystem::path& path)
{
  const auto offset = last_line_of(path);
  if (!offset) return true;
  LineReader reader{path, *offset};
  const auto line = reader.next();
  json::Document document;
  return line && document.parse(line->text) && document.root().is(json::Kind::object);
}

} // namespace batchwright::api
