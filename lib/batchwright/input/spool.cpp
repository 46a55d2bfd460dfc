#include <batchwright/base/frames.hpp>
#include <batchwright/base/unpack.hpp>
#include <batchwright/input/content.hpp>
#include <batchwright/input/spool.hpp>

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

namespace batchwright::input {
namespace {

constexpr std::size_t block_size = std::size_t{1} << 18;
constexpr std::size_t magic_size = 4;
constexpr int between_looks = 100; // milliseconds

/// Waits for bytes, with an eye on Ctrl-C; 0 at the end.
std::size_t read_some(int fd, char* to, std::size_t size, const Interrupt& interrupt)
{
  for (;;) {
    if (interrupt.asked()) throw Error{Fault::interrupted, "stopped while reading standard input; nothing was sent"};
    pollfd wanted{fd, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, between_looks);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const auto n = ready < 0 ? -1 : ::read(fd, to, size);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR && errno != EAGAIN) throw_errno("reading", "standard input");
  }
}

} // namespace

void spool(int from, UnnamedFile& to, const Interrupt& interrupt, const OnSpooled& on_spooled)
{
  std::string block(block_size, '\0');
  std::size_t size = 0; // of the first block: as much as tells whether it is packed
  for (std::size_t n = 1; n > 0 && size < magic_size; size += n)
    n = read_some(from, block.data() + size, block.size() - size, interrupt);

  const bool packed = is_packed_head({block.data(), size});
  const auto packer = pack_frames([&to](std::string_view bytes) { to.write(bytes); });
  for (std::uint64_t bytes = 0; size > 0; size = read_some(from, block.data(), block.size(), interrupt)) {
    if (packed) {
      to.write({block.data(), size});
    } else {
      packer->write({block.data(), size});
    }
    bytes += size;
    if (on_spooled) on_spooled(bytes);
  }
  if (!packed) packer->end();
}

PinnedInput pin_spooled(const UnnamedFile& file, InputFormat format, Empty empty)
{
  if (format == InputFormat::files) {
    throw Error{Fault::usage, "--input-format files: standard input is no folder", "name the folder in place of -"};
  }
  PinnedInput pinned{.path = file.path(), .format = readable_format(file.path(), format, empty), .spooled = true};
  const auto content = content_of(pinned);
  pinned.bytes = content.bytes;
  pinned.sha256 = content.sha256;
  return pinned;
}

Error told_of_stdin(const Error& error, const UnnamedFile& file)
{
  const auto in_words = [path = file.path()](std::string text, std::string_view word) {
    for (auto at = text.find(path); at != std::string::npos; at = text.find(path, at + word.size()))
      text.replace(at, path.size(), word);
    return text;
  };
  const Error told{error.fault(), in_words(error.what(), "standard input"), in_words(error.hint(), "-")};
  if (!error.place()) return told;
  auto place = *error.place();
  place.file = in_words(place.file, "standard input");
  return told.at(place);
}

} // namespace batchwright::input
