#include <batchwright/base/id.hpp>

#include <Poco/UUIDGenerator.h>

namespace batchwright {

std::string make_uuid()
{
  // Seeded by the system's random device at each call: two processes never draw the same row of numbers.
  return Poco::UUIDGenerator::defaultGenerator().createRandom().toString();
}

} // namespace batchwright
