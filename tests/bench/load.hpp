// The frame of a load program: so many POSTs, so many of them in flight, each place in flight a thread of its own. One
// line of JSON tells what it cost.
#pragma once

#include <functional>
#include <string>

namespace bench {

struct Load {
  std::string base_url = {}; ///< "https://127.0.0.1:8443/v1"
  int total = 0;
  int in_flight = 0;
  std::string ca_file = {};
};

/// `BASE_URL TOTAL IN_FLIGHT [CA_FILE]`; ends the program with 64 where it is called otherwise.
Load read_load(int argc, char** argv);

inline const std::string request_body =
    R"({"model":"gpt-5-mini","messages":[{"role":"user","content":"Classify as positive or negative: I like it."}]})";

/// Sends one, and says whether it was answered.
using Send = std::function<bool()>;

/// Calls what `make_send` makes, once for each thread, `total` times in all, and prints what it cost. The exit status.
int run(const Load& load, const std::function<Send()>& make_send);

} // namespace bench
