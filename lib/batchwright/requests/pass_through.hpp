// Ready-made request lines on their way into parts, byte for byte. Private to requests/.
#pragma once

#include <batchwright/requests/assembler.hpp>

#include <memory>

namespace batchwright::requests {

std::unique_ptr<Assembler> pass_through();

} // namespace batchwright::requests
