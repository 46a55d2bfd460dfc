// Tokens and money as whole numbers with names. Money is exact: it is rounded only when it is printed.
#pragma once

#include <compare>
#include <cstdint>

namespace batchwright {

struct Tokens {
  std::int64_t n = 0;

  auto operator<=>(const Tokens&) const = default;
  Tokens& operator+=(Tokens more)
  {
    n += more.n;
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
  PicoUsd& operator+=(PicoUsd more)
  {
    n += more.n;
    return *this;
  }
};

constexpr Tokens operator+(Tokens a, Tokens b)
{
  return {a.n + b.n};
}

constexpr PicoUsd operator+(PicoUsd a, PicoUsd b)
{
  return {a.n + b.n};
}

constexpr PicoUsd operator-(PicoUsd a, PicoUsd b)
{
  return {a.n - b.n};
}

constexpr PicoUsd cost(Tokens tokens, Price price)
{
  return {tokens.n * price.micro_usd_per_mtok};
}

/// What an answer used. Cached tokens are a part of the input, reasoning tokens a part of the output: never added.
struct Usage {
  Tokens input = {};
  Tokens cached = {};
  Tokens output = {};
  Tokens reasoning = {};

  Usage& operator+=(const Usage& more)
  {
    input += more.input;
    cached += more.cached;
    output += more.output;
    reasoning += more.reasoning;
    return *this;
  }
  auto operator<=>(const Usage&) const = default;
};

} // namespace batchwright
