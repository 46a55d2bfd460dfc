#include <batchwright/model/part.hpp>

#include <algorithm>

namespace batchwright {

void keep_items(Part& part, std::uint64_t items)
{
  const auto of = static_cast<std::int64_t>(std::max<std::uint64_t>(1, part.items));
  const auto share_of = [&](Tokens all) {
    return Tokens{saturating_multiply(all.n, static_cast<std::int64_t>(items)) / of};
  };
  part.items = part.requests = items;
  part.input_tokens = share_of(part.input_tokens);
  if (part.output_bound) part.output_bound = share_of(*part.output_bound);
  part.bytes = 0;
}

} // namespace batchwright
