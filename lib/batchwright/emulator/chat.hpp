// `/v1/chat/completions`: its shape around the answers of answer.hpp.
#pragma once

#include <batchwright/emulator/endpoint.hpp>

namespace batchwright::emulator {

Endpoint chat_endpoint();

} // namespace batchwright::emulator
