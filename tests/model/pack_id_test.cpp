#include <batchwright/model/pack_id.hpp>
#include <batchwright/wire/endpoint.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace batchwright;

namespace {

constexpr auto highest = std::numeric_limits<Ordinal>::max();

PackId pack_with(const std::vector<Ordinal>& ordinals)
{
  PackId pack;
  for (const auto ordinal : ordinals)
    pack.add(ordinal);
  return pack;
}

std::vector<Ordinal> ordinals_in(const PackId& pack)
{
  std::vector<Ordinal> all;
  for (const auto& run : pack.runs)
    for (std::uint64_t i = 0; i < run.items; ++i)
      all.push_back(run.first + i);
  return all;
}

PackId run_of(Ordinal first, std::uint64_t items)
{
  return {{{first, items}}};
}

/// Ascending, few or many, dense or scattered.
std::vector<Ordinal> any_items(std::mt19937_64& random)
{
  const auto widest_gap = Ordinal{1} << random() % 40;
  std::vector<Ordinal> all{random() >> random() % 64};
  for (auto more = random() % 40; more > 0; --more) {
    const auto gap = random() % 3 == 0 ? 1 + random() % widest_gap : 1;
    if (gap > highest - all.back()) break;
    all.push_back(all.back() + gap);
  }
  return all;
}

} // namespace

TEST_SUITE_BEGIN("model::pack_id");

TEST_CASE("a default custom_id carries its ordinal there and back")
{
  CHECK(default_custom_id(0) == "bw-0000000000");
  CHECK(default_custom_id(42) == "bw-0000000042");
  CHECK(default_custom_id(12'345'678'901) == "bw-12345678901");
  for (const Ordinal n : {Ordinal{0}, Ordinal{9'999'999'999}, Ordinal{10'000'000'000}, highest})
    CHECK(pack_of(default_custom_id(n)) == run_of(n, 1));
  for (Ordinal n = 1; n <= highest / 10; n *= 10) {
    CHECK(default_custom_id(n) == fmt::format("bw-{:010}", n));
    CHECK(default_custom_id(n - 1) == fmt::format("bw-{:010}", n - 1));
  }
}

TEST_CASE("the custom_id of a pack carries its first ordinal, how many follow, and where the gaps are")
{
  CHECK(pack_custom_id(42, 1) == "bw-0000000042");
  CHECK(pack_custom_id(42, 25) == "bw-0000000042x25");
  CHECK(pack_custom_id(pack_with({42})) == "bw-0000000042");
  CHECK(pack_custom_id(pack_with({42, 43, 44})) == "bw-0000000042x3");
  CHECK(pack_custom_id(pack_with({42, 43, 44, 47, 50, 51})) == "bw-0000000042x3_2_2x2");
  CHECK(pack_custom_id(pack_with({3, 5})) == "bw-0000000003_1");
  CHECK(pack_custom_id(pack_with({0, highest})) == "bw-0000000000_18446744073709551614");
  for (const std::uint64_t items : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{2048}})
    CHECK(pack_of(pack_custom_id(12'345'678'901, items)) == run_of(12'345'678'901, items));
  CHECK(pack_of("bw-0000000042x3_2_2x2") == PackId{{{42, 3}, {47, 1}, {50, 2}}});
  CHECK(pack_of("bw-0000000000_18446744073709551614") == PackId{{{0, 1}, {highest, 1}}});
  CHECK(pack_of("bw-18446744073709551614x2") == run_of(highest - 1, 2));
}

TEST_CASE("any items come back from their custom_id, and no two sets of items share one")
{
  std::mt19937_64 random{7};
  int read_back = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto all = any_items(random);
    const auto pack = pack_with(all);
    const auto id = pack_custom_id(pack);
    CAPTURE(id);
    REQUIRE(pack.items() == all.size());
    REQUIRE(ordinals_in(pack) == all);
    const auto read = pack_of(id);
    REQUIRE(read.has_value() == (id.size() <= longest_pack_id));
    if (!read) continue;
    REQUIRE(*read == pack);
    ++read_back;
  }
  CHECK(read_back > 5'000);
}

TEST_CASE("a text that was changed anywhere names other items, or none, and says so in the one spelling there is")
{
  constexpr std::string_view signs = "0123456789x_-+ bw";
  std::mt19937_64 random{11};
  for (int round = 0; round < 20'000; ++round) {
    auto id = pack_custom_id(pack_with(any_items(random))).substr(0, longest_pack_id);
    const auto sign = signs[random() % signs.size()];
    const auto at = random() % id.size();
    if (random() % 2 == 0) {
      id[at] = sign;
    } else {
      id.insert(at, 1, sign);
    }
    CAPTURE(id);
    const auto read = pack_of(id);
    if (!read) continue;
    REQUIRE(pack_custom_id(*read) == id);
    REQUIRE(pack_with(ordinals_in(*read)) == *read);
  }
}

TEST_CASE("nothing else is a custom_id of ours, whatever it claims")
{
  for (const auto* other :
       {"", "bw-", "bw-42", "bw-00000000042", "bw-000000004x", "bw-+000000042", "bw--000000042", " bw-0000000042",
        "BW-0000000042", "bw-0000000042 ", "bw-18446744073709551616", "0000000042", "bw-0000000042x", "bw-0000000042x0",
        "bw-0000000042x1", "bw-0000000042x025", "bw-0000000042x2x3", "bw-0000000042x-2", "bw-0000000042 x2", "bw-42x2",
        // gaps
        "bw-0000000042_", "bw-0000000042__2", "bw-0000000042_0", "bw-0000000042x3_0x2", "bw-0000000042_02",
        "bw-0000000042_2x", "bw-0000000042_2x0", "bw-0000000042_2x1", "bw-0000000042_2x02", "bw-0000000042_2_",
        "bw-0000000042_-2", "bw-0000000042_+2", "bw-0000000042+2", "bw-0000000042_2 ", "bw-0000000042_2x2x2", "bw-_2",
        "bw-x2",
        // more than there can be
        "bw-0000000042x2049", "bw-0000000042x2048_1", "bw-0000000042x1024_5x1025", "bw-0000000042x18446744073709551615",
        "bw-0000000042x18446744073709551616", "bw-0000000042x2_1x18446744073709551615",
        "bw-0000000042x99999999999999999999999999999", "bw-18446744073709551615x2", "bw-18446744073709551000x1000",
        "bw-18446744073709551615_1", "bw-18446744073709551615_5x2", "bw-18446744073709551614_1",
        "bw-0000000042_18446744073709551615", "bw-0000000042_18446744073709551573",
        "bw-0000000042_18446744073709551616", "bw-0000000042_18446744073709551571x3"}) {
    CAPTURE(other);
    CHECK_FALSE(pack_of(other).has_value());
  }
  CHECK_FALSE(pack_of(std::string_view{"bw-0000000042\0", 14}).has_value());
}

TEST_CASE("a custom_id is read up to the length that we write, and no further")
{
  std::string id = "bw-0000000000";
  while (id.size() + 2 <= longest_pack_id)
    id += "_1";
  CHECK(id.size() == 63);
  CHECK(pack_of(id).has_value());
  CHECK(pack_of(id.substr(0, 61) + "_10")->items() == 26);
  CHECK_FALSE(pack_of(id + "_1").has_value());
}

TEST_CASE("every pack that an endpoint takes can be named")
{
  for (const auto& endpoint : wire::endpoints()) {
    CAPTURE(endpoint.path);
    CHECK(endpoint.most_inputs_per_request <= most_pack_items);
  }
}

TEST_SUITE_END();
