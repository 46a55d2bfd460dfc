// One chat completion: a request body in, the API's answer with its status out. The same for the batch and the
// real-time route. Never: keeps anything, waits, or looks at limits.
#pragma once

#include <batchwright/emulator/faults.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <string>

namespace batchwright::emulator {

struct Usage {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;

  Usage& operator+=(const Usage& other)
  {
    input_tokens += other.input_tokens;
    output_tokens += other.output_tokens;
    return *this;
  }
};

struct ChatReply {
  int status = 200;
  std::string body = {};
  Usage usage = {}; ///< zero unless the status is 200

  bool billed() const { return status == 200; }
};

/// What an answer carries that does not follow from the body.
struct ChatFrame {
  std::string id = {};      ///< "chatcmpl-..."
  std::int64_t created = 0; ///< Unix seconds
};

/// Answers a body as the API would: 400 and 404 for what it refuses, else as `fate` has it.
ChatReply chat(const json::Value& body, Fate fate, const ChatFrame& frame);

/// The tokens the limiter charges before the answer is known: prompt tokens or the output cap, whichever is larger.
std::int64_t charged_tokens(const json::Value& body);

/// Every model exists but those whose names begin with "no-such-".
bool model_exists(std::string_view model);

} // namespace batchwright::emulator
