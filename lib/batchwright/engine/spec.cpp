#include <batchwright/base/sha256.hpp>
#include <batchwright/engine/spec.hpp>
#include <batchwright/json/json.hpp>

#include <algorithm>

namespace batchwright::engine {
namespace {

bool same_content(const std::vector<PinnedInput>& a, const std::vector<PinnedInput>& b)
{
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const PinnedInput& x, const PinnedInput& y) {
    return x.bytes == y.bytes && x.sha256 == y.sha256 && x.format == y.format;
  });
}

constexpr std::size_t half_digest = 16;

std::string digest_of(const std::string& text)
{
  Sha256 sha;
  sha.update(text);
  return sha.hex().substr(0, half_digest);
}

} // namespace

std::vector<std::string> differences(const Job& a, const Job& b)
{
  std::vector<std::string> found;
  if (!knows_input(a)) {
    const auto digest = options_digest(b);
    if (digest.substr(0, half_digest) != a.options.substr(0, half_digest)) found.emplace_back("the input");
    if (digest.substr(half_digest) != a.options.substr(std::min(half_digest, a.options.size())))
      found.emplace_back("what is asked (model, prompt, limits of parts and the like)");
    return found;
  }
  const auto compare = [&found](bool equal, const char* what) {
    if (!equal) found.emplace_back(what);
  };
  compare(same_content(a.inputs, b.inputs), "the input");
  compare(a.request.prompt == b.request.prompt, "--prompt");
  compare(a.request.system == b.request.system, "--system");
  compare(a.request.messages == b.request.messages, "--messages");
  compare(a.request.body == b.request.body, "--body");
  compare(a.request.schema == b.request.schema, "--schema");
  compare(a.request.inputs_per_request == b.request.inputs_per_request, "--inputs-per-request");
  const bool ready_made = is_ready_made(a) && is_ready_made(b); // their lines say what they ask
  compare(ready_made || a.request.model == b.request.model, "--model");
  compare(ready_made || a.request.endpoint == b.request.endpoint, "--endpoint");
  compare(a.request.max_output_tokens == b.request.max_output_tokens, "--max-output-tokens");
  compare(a.request.set == b.request.set, "--set");
  compare(a.request.id_column == b.request.id_column, "--id-column");
  compare(a.limits.requests == b.limits.requests, "--requests-per-part");
  compare(a.limits.bytes == b.limits.bytes, "--bytes-per-part");
  compare(a.limits.tokens == b.limits.tokens, "--tokens-per-part");
  compare(a.skip_bad == b.skip_bad, "--skip-bad");
  compare(a.urgent == b.urgent, "--urgent");
  compare((a.mode == Mode::realtime) == (b.mode == Mode::realtime), "--mode");
  compare(a.request.service_tier == b.request.service_tier, "--service-tier");
  return found;
}

std::string options_digest(const Job& job)
{
  std::string inputs;
  json::Writer of_inputs{inputs};
  of_inputs.begin_array();
  for (const auto& input : job.inputs)
    of_inputs.string(input.sha256);
  of_inputs.end_array();

  std::string options;
  json::Writer w{options};
  w.begin_array();
  w.string(job.request.prompt).string(job.request.system);
  if (!is_ready_made(job)) w.string(job.request.model).string(job.request.endpoint); // else their lines say it
  w.string(job.request.messages).string(job.request.body).string(job.request.schema);
  w.integer(static_cast<std::int64_t>(job.request.inputs_per_request));
  w.integer(job.request.max_output_tokens.value_or(0)).string(job.request.id_column);
  for (const auto& [field, value] : job.request.set)
    w.string(field).string(value);
  w.integer(static_cast<std::int64_t>(job.limits.requests)).integer(static_cast<std::int64_t>(job.limits.bytes));
  w.integer(static_cast<std::int64_t>(job.limits.tokens)).integer(static_cast<std::int64_t>(job.skip_bad));
  w.end_array();
  return digest_of(inputs) + digest_of(options);
}

} // namespace batchwright::engine
