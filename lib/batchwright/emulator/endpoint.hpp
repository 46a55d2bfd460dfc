// The endpoints of models that batches know, one as the other: what each refuses, how it answers, what its tokens are.
// In: a request's body, the fate it is to meet. Out: the API's answer with its status, the same in a batch and in real
// time. What the answers say is told where they are made: answer.hpp, embeddings.hpp, moderations.hpp, media.hpp.
// Never: keeps anything, waits, or looks at limits of rate.
#pragma once

#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/model_reply.hpp>
#include <batchwright/emulator/usage_book.hpp>
#include <batchwright/json/json.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

struct Endpoint {
  /// Whether a request may hold several inputs that are answered one by one.
  enum class Holds {
    one,
    many ///< in its member `input`
  };
  /// Whether a request says which model it wants.
  enum class Model {
    needed,
    optional
  };
  /// Whether a request may ask for a service tier.
  enum class Tiers {
    none,
    several
  };
  /// Under which name the model answers.
  enum class Named {
    dated, ///< "gpt-5.4-mini-2026-03-17"
    plain  ///< as it was asked for
  };

  std::string_view path = {};  ///< "/v1/chat/completions"
  std::string_view asked = {}; ///< the member that holds what the model is asked
  Holds holds = Holds::one;
  Model model = Model::needed;
  Tiers tiers = Tiers::none;
  Named named = Named::plain;
  /// Why the API would not run a body whose model is known; nothing where it would.
  std::optional<ApiError> (*fault_of)(const json::Value& body) = nullptr;
  std::int64_t (*input_tokens)(const json::Value& body) = nullptr;
  /// The most output tokens a body allows; `no_cap` where it says none.
  std::int64_t (*output_cap)(const json::Value& body) = nullptr;
  /// Answers a body without a fault. REQUIRED: the fate is neither `failed` nor `transient`.
  ModelReply (*complete)(const json::Value& body, Fate fate, const Frame& frame) = nullptr;
};

const std::array<Endpoint, 8>& endpoints();
/// Nothing where no batch may name the path.
const Endpoint* endpoint_at(std::string_view path);

/// Answers a body as the API would: 400 and 404 for what it refuses, else as `fate` has it. A fate that an endpoint
/// does not know (a refusal in a vector) is answered well.
ModelReply answer(const Endpoint& endpoint, const json::Value& body, Fate fate, const Frame& frame);

/// The tokens the limiter charges before the answer is known: input tokens or the output cap, whichever is larger.
std::int64_t charged_tokens(const Endpoint& endpoint, const json::Value& body);

/// The name by which answers and batches call the model of a request.
std::string name_of_model(const Endpoint& endpoint, std::string_view model);

/// What the usage endpoints are to tell of a request that was answered so.
Billed billed_for(const Endpoint& endpoint, const json::Value& body, const ModelReply& reply, Instant at);

/// The inputs of a request to an endpoint that holds many, in order: the elements of `input` where those are strings or
/// lists, else `input` as one (a string, a list of token ids, a list of parts). None at an endpoint that holds one.
std::vector<json::Value> inputs_of(const Endpoint& endpoint, const json::Value& body);

/// The digest of each input, as the ledger and the faults know it (identity.hpp).
std::vector<std::string> input_digests(const Endpoint& endpoint, const json::Value& body);

/// The fate of a request (faults.hpp). Of an endpoint that holds many, `failed` is drawn for each input by its digest,
/// all others by the body's.
Fate fate_of(const Faults& faults, std::uint64_t seed, const Endpoint& endpoint, const json::Value& body,
             std::string_view body_sha256, std::int64_t met);

} // namespace batchwright::emulator
