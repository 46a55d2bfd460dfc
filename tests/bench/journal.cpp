// The journal of real time, and the floor under it, for `scripts/bench`:
//
//   batchwright_bench_journal write PATH ANSWERS THREADS [each]   begins and answers of about 1 KB from many threads,
//                                                                 all durable at the end; with `each`, each thread
//                                                                 waits until its answer is
//   batchwright_bench_journal append SOURCE PATH GROUPS           the bytes of SOURCE appended, in groups of the sizes
//                                                                 in the file GROUPS
//
// Prints seconds from the first byte until all are durable; `write` also the groups, in bytes.
#include <batchwright/base/files.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/realtime/journal.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace batchwright;

using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

double seconds_since(Clock::time_point begun)
{
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

std::uint64_t size_of(int file)
{
  struct stat info = {};
  return ::fstat(file, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

std::vector<std::uint64_t> synced_at; // sizes of the journal when it was synced: one thread syncs

std::string answer_of(std::uint64_t request)
{
  static const std::string text(850, 'x');
  std::string line;
  append_answer_id(line, request, 1);
  return line +
         fmt::format(R"(,"custom_id":"bw-{:010}","response":{{"status_code":200,"request_id":"req_bench","body":)"
                     R"({{"object":"chat.completion","content":"{}"}}}},"error":null}})",
                     request, text) +
         '\n';
}

double write(const std::filesystem::path& path, std::uint64_t answers, int threads, bool each_waits)
{
  realtime::Journal journal{path, answers};
  std::atomic<std::uint64_t> next{0};
  const auto begun = Clock::now();
  std::vector<std::thread> writers;
  for (int i = 0; i < threads; ++i) {
    writers.emplace_back([&] {
      for (auto request = next++; request < answers; request = next++) {
        journal.begin(request, 1);
        journal.answer(request, answer_of(request));
        if (each_waits) journal.sync();
      }
    });
  }
  for (auto& writer : writers)
    writer.join();
  journal.sync();
  return seconds_since(begun);
}

std::vector<std::uint64_t> groups()
{
  std::vector<std::uint64_t> sizes;
  std::uint64_t before = 0;
  for (const auto size : synced_at) {
    if (size > before) sizes.push_back(size - before);
    before = size;
  }
  return sizes;
}

std::vector<std::uint64_t> read_groups(const std::filesystem::path& path)
{
  std::ifstream in{path};
  return {std::istream_iterator<std::uint64_t>{in}, {}};
}

double append(const std::filesystem::path& source, const std::filesystem::path& path,
              const std::vector<std::uint64_t>& sizes)
{
  const auto bytes = read_file(source);
  const Descriptor file{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
  const auto begun = Clock::now();
  std::string_view rest = bytes;
  for (const auto size : sizes) {
    if (!write_all(file.get(), rest.substr(0, size)) || ::fdatasync(file.get()) != 0) {
      throw std::runtime_error{"the disk takes no more"};
    }
    rest.remove_prefix(size);
  }
  return seconds_since(begun);
}

int run(const Words& words)
{
  if (words.size() >= 4 && words[0] == "write") {
    const auto took = write(words[1], std::stoull(words[2]), std::stoi(words[3]), words.size() > 4);
    std::cout << fmt::format(R"({{"seconds":{:.6f},"groups":[{}]}})", took, fmt::join(groups(), ",")) << '\n';
  } else if (words.size() == 4 && words[0] == "append") {
    std::cout << fmt::format(R"({{"seconds":{:.6f}}})", append(words[1], words[2], read_groups(words[3]))) << '\n';
  } else {
    std::cerr << "usage: batchwright_bench_journal write PATH ANSWERS THREADS [each] | append SOURCE PATH GROUPS\n";
    return 64;
  }
  return 0;
}

} // namespace

/// In place of the library's, to learn the groups: what the file holds now is durable afterwards.
extern "C" int fdatasync(int file)
{
  synced_at.push_back(size_of(file));
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}

int main(int argc, char** argv)
{
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
