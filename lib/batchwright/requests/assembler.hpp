// Items become requests: one for each, or packs of several where the job asks for that. Comes in: items in ascending
// order. Goes out: request lines. The same items and options give the same requests, wherever one begins. Private to
// requests/.
#pragma once

#include <batchwright/requests/digest.hpp>
#include <batchwright/requests/requests.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace batchwright::requests {

struct Request {
  std::string line = {}; ///< newline included
  LineTexts texts = {};
  Mark mark = {};          ///< of its first item
  Ordinal last = 0;        ///< of its last item
  std::uint64_t items = 0; ///< 0: there is none

  // Of ready-made requests, which differ in these; else as the job says.
  std::string model = {};
  std::string endpoint = {};
  std::uint64_t inputs = 0;          ///< that count against the endpoint's limit
  Tokens input_tokens = {};          ///< our estimate
  std::optional<Tokens> output = {}; ///< what bounds its answers together
  std::int64_t choices = 1;          ///< how many answers it asks for
  std::string tier = {};             ///< the service tier that it names
};

/// Whether a part that holds `inputs` so far may take a request more, within the job's limits and the endpoint's.
bool has_room(const Job& job, const Part& part, std::uint64_t inputs, const Request& request, Tokens tokens);
/// A part has one request more, behind those that it has. REQUIRED: of ready-made ones the part had a bound at first.
void add_request(Part& part, const Request& request, Tokens tokens);
/// A request that no part may hold. `Fault::input`.
Error too_long(const Job& job, const Request& request);

/// Takes items in ascending order and gives requests. Throws as LineMaker.
class Assembler {
public:
  Assembler() = default;
  Assembler(const Assembler&) = delete;
  Assembler& operator=(const Assembler&) = delete;
  virtual ~Assembler() = default;

  /// Takes an item. Gives the request that is complete now, or null: for packs, that is one this item was too much for.
  /// Valid until the next call.
  virtual const Request* take(const input::Item& item) = 0;
  /// What is left at the end; null where nothing is.
  virtual const Request* finish() = 0;
  /// The custom_id of an item, decoded.
  virtual std::string custom_id(const input::Item& item) const = 0;
  /// What the item taken last asks.
  virtual Digest digest() = 0;
  /// Our estimate of a request's input. Texts that often come again, as system messages do, are counted once.
  virtual Tokens tokens(const Request& request) = 0;
};

/// Requests made of items. One holds a pack's items as long as they are few enough and their texts fit
/// (wire/endpoint.hpp), and as its custom_id, which names each of them, is not too long (model/pack_id.hpp): items that
/// stand far apart make small packs. At most `inputs_per_request` items a request.
/// For ready-made lines: the lines themselves, one an item. `Fault::input` for one that the server would refuse.
std::unique_ptr<Assembler> assembler_for(const Job& job, std::uint64_t inputs_per_request);
/// The requests of a part: with its overrides and its size of packs, where it has any.
std::unique_ptr<Assembler> assembler_for(const Job& job, const Part& part);

} // namespace batchwright::requests
