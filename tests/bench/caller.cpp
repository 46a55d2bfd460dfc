// Load through our own calls, whose price over a bare Poco loop (poco.cpp) is what the library adds.
#include "tests/bench/load.hpp"

#include <batchwright/api/caller.hpp>

#include <filesystem>

int main(int argc, char** argv)
{
  using namespace batchwright;
  const auto load = bench::read_load(argc, argv);
  const auto caller =
      api::open_caller({.base_url = load.base_url, .key = Secret{"sk-bench-key"}, .ca_file = load.ca_file},
                       std::filesystem::temp_directory_path());
  return bench::run(load, [&] {
    return [&] {
      constexpr Millis patience{60'000};
      return caller->call("/v1/chat/completions", bench::request_body, patience).ending == api::Ending::ok;
    };
  });
}
