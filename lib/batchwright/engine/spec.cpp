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

} // namespace

std::vector<std::string> differences(const Job& a, const Job& b)
{
  std::vector<std::string> found;
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
  return found;
}

std::string options_digest(const Job& job)
{
  std::string text;
  json::Writer w{text};
  w.begin_array();
  for (const auto& input : job.inputs)
    w.string(input.sha256);
  w.string(job.request.prompt).string(job.request.system).string(job.request.model).string(job.request.endpoint);
  w.string(job.request.messages).string(job.request.body).string(job.request.schema);
  w.integer(static_cast<std::int64_t>(job.request.inputs_per_request));
  w.integer(job.request.max_output_tokens.value_or(0)).string(job.request.id_column);
  for (const auto& [field, value] : job.request.set)
    w.string(field).string(value);
  w.integer(static_cast<std::int64_t>(job.limits.requests)).integer(static_cast<std::int64_t>(job.limits.bytes));
  w.integer(static_cast<std::int64_t>(job.limits.tokens));
  w.end_array();
  Sha256 sha;
  sha.update(text);
  return sha.hex().substr(0, 32);
}

} // namespace batchwright::engine
