// Tokens and money as whole numbers with names. Money is exact: it is rounded only when it is printed. A sum or product
// that no number can hold is the largest there is (or the least): too large for any purse, and never of the wrong sign.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>

namespace batchwright {

constexpr std::int64_t furthest(bool below_zero)
{
  return below_zero ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b)
{
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? furthest(a < 0) : sum;
}

constexpr std::int64_t saturating_subtract(std::int64_t a, std::int64_t b)
{
  std::int64_t rest = 0;
  return __builtin_sub_overflow(a, b, &rest) ? furthest(a < 0) : rest;
}

constexpr std::int64_t saturating_multiply(std::int64_t a, std::int64_t b)
{
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? furthest((a < 0) != (b < 0)) : product;
}

struct Tokens {
  std::int64_t n = 0;

  auto operator<=>(const Tokens&) const = default;
  constexpr Tokens& operator+=(Tokens more)
  {
    n = saturating_add(n, more.n);
    return *this;
  }
};

/// A price as vendors print it, in millionths of a dollar for a million tokens: 0.375 USD is 375'000.
struct Price {
  std::int64_t micro_usd_per_mtok = 0;

  auto operator<=>(const Price&) const = default;
};

/// Money in 10^-12 USD: tokens times micro-dollars per million tokens. 63 bits hold nine million dollars.
struct PicoUsd {
  std::int64_t n = 0;

  auto operator<=>(const PicoUsd&) const = default;
  constexpr PicoUsd& operator+=(PicoUsd more)
  {
    n = saturating_add(n, more.n);
    return *this;
  }
};

constexpr Tokens operator+(Tokens a, Tokens b)
{
  return {saturating_add(a.n, b.n)};
}

constexpr Tokens operator*(Tokens each, std::int64_t times)
{
  return {saturating_multiply(each.n, times)};
}

constexpr PicoUsd operator+(PicoUsd a, PicoUsd b)
{
  return {saturating_add(a.n, b.n)};
}

constexpr PicoUsd operator-(PicoUsd a, PicoUsd b)
{
  return {saturating_subtract(a.n, b.n)};
}

constexpr PicoUsd cost(Tokens tokens, Price price)
{
  return {saturating_multiply(tokens.n, price.micro_usd_per_mtok)};
}

/// What an answer used. Cached tokens and those written to the cache are parts of the input, reasoning tokens a part of
/// the output: never added.
struct Usage {
  Tokens input = {};
  Tokens cached = {};
  Tokens output = {};
  Tokens reasoning = {};
  Tokens cache_write = {};

  Usage& operator+=(const Usage& more)
  {
    input += more.input;
    cached += more.cached;
    output += more.output;
    reasoning += more.reasoning;
    cache_write += more.cache_write;
    return *this;
  }
  auto operator<=>(const Usage&) const = default;
};

/// What a prompt cache does for some input: parts of it.
struct CacheUse {
  Tokens read = {};
  Tokens written = {};

  auto operator<=>(const CacheUse&) const = default;
};

/// What is asked of a model. What caches do differs by route, and is no part of `usage`.
struct Workload {
  Usage usage = {};
  std::uint64_t requests = 0;
  Tokens largest = {};                     ///< input of one request; 0: they are taken to be alike
  bool output_assumed = false;             ///< nothing bounds some of the answers
  std::optional<std::int64_t> choices = 1; ///< answers that one request asks for, at most; nothing: not known
  CacheUse batch = {};
  CacheUse live = {};
  std::optional<Tokens> shared = {}; ///< that requests have in common at their beginning, by our estimate; nothing:
                                     ///< they were not looked at

  auto operator<=>(const Workload&) const = default;
};

} // namespace batchwright
