// One transfer as the program makes it, for `scripts/bench`:
//
//   batchwright_bench_transfer upload BASE_URL CA_FILE FILE       POST /files
//   batchwright_bench_transfer download BASE_URL CA_FILE TO       the content of `file-bench`, whole and durable
//
// Prints the seconds from the first connection to the end.
#include <batchwright/api/client.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/http/transport.hpp>
#include <batchwright/wire/profile.hpp>

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace batchwright;

using Words = std::vector<std::string>;

void transfer(api::Client& client, const std::string& direction, const std::string& path)
{
  std::uint64_t told = 0; // progress is counted, as the program does it
  const auto on_bytes = [&told](std::uint64_t bytes) { told = bytes; };
  const auto trouble = direction == "upload" ? client.upload(path, "bench.jsonl", on_bytes).trouble
                                             : client.download(FileId{"file-bench"}, path, on_bytes).trouble;
  if (!trouble.empty()) throw std::runtime_error{trouble};
  if (told != std::filesystem::file_size(path)) throw std::runtime_error{"not all bytes were told"};
}

int run(const Words& words)
{
  if (words.size() != 4 || (words[0] != "upload" && words[0] != "download")) {
    std::cerr << "usage: batchwright_bench_transfer upload|download BASE_URL CA_FILE PATH\n";
    return 64;
  }
  const Interrupt interrupt;
  const auto transport =
      http::open({.base_url = words[1], .key = Secret{"sk-bench-key"}, .ca_file = words[2]}, interrupt);
  api::Client client{*transport, *transport, wire::openai()};
  const auto begun = std::chrono::steady_clock::now();
  transfer(client, words[0], words[3]);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::cout << fmt::format("{:.6f}\n", took.count());
  return 0;
}

} // namespace

int main(int argc, char** argv)
{
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
