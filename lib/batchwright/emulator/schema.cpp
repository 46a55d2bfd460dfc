#include <batchwright/base/error.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/schema.hpp>
#include <batchwright/emulator/schema_plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace batchwright::emulator {
namespace {

constexpr std::array words{"amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven"};
constexpr int wide = 4; // above this depth arrays and choices are as the schema would like them

class Maker {
public:
  Maker(const SchemaPlan& plan, std::uint64_t hash, std::string& out)
      : m_plan(plan), m_state(hash), m_slack(most_cost - plan.steps.front().cost), m_writer(out)
  {
  }

  void make(std::size_t place, int depth)
  {
    using Form = SchemaStep::Form;
    const auto& step = m_plan.steps[place];
    switch (step.form) {
    case Form::literal:
      m_writer.raw(step.texts[below(step.texts.size())]);
      break;
    case Form::choice:
      make(branch_of(step, depth), depth + 1);
      break;
    case Form::object:
      make_object(step, depth);
      break;
    case Form::array:
      make_array(step, depth);
      break;
    case Form::text:
      make_text(step);
      break;
    case Form::number:
      make_number(step);
      break;
    case Form::boolean:
      m_writer.boolean(below(2) == 0);
      break;
    case Form::null:
    case Form::dead: // never led to: it costs more than any document may
      m_writer.null();
      break;
    }
  }

private:
  std::uint64_t below(std::uint64_t n) { return (m_state = mixed(m_state)) % n; }
  int cost(std::size_t place) const { return m_plan.steps[place].cost; }

  std::size_t branch_of(const SchemaStep& step, int depth)
  {
    const auto cheapest =
        *std::min_element(step.next.begin(), step.next.end(), [&](auto a, auto b) { return cost(a) < cost(b); });
    if (depth >= wide) return cheapest;
    std::vector<std::size_t> within;
    for (const auto next : step.next)
      if (cost(next) != no_document && cost(next) - cost(cheapest) <= m_slack) within.push_back(next);
    const auto chosen = within[below(within.size())];
    m_slack -= cost(chosen) - cost(cheapest);
    return chosen;
  }

  void make_object(const SchemaStep& step, int depth)
  {
    m_writer.begin_object();
    for (std::size_t i = 0; i < step.next.size(); ++i) {
      m_writer.key(step.texts[i]);
      make(step.next[i], depth + 1);
    }
    m_writer.end_object();
  }

  void make_array(const SchemaStep& step, int depth)
  {
    const auto each = step.next.empty() ? 1 : cost(step.next.front());
    auto count = static_cast<int>(step.least);
    if (depth < wide && each != no_document) {
      const auto spread = std::min(3, static_cast<int>(step.most - step.least));
      const auto more = std::min(static_cast<int>(below(static_cast<std::uint64_t>(spread) + 1)), m_slack / each);
      m_slack -= more * each;
      count += more;
    }
    m_writer.begin_array();
    for (int i = 0; i < count; ++i) {
      if (step.next.empty())
        m_writer.null();
      else
        make(step.next.front(), depth + 1);
    }
    m_writer.end_array();
  }

  void make_text(const SchemaStep& step)
  {
    if (!step.format.empty())
      m_writer.string(formatted(step.format));
    else if (!step.pieces.empty())
      m_writer.string(patterned(step.pieces));
    else
      m_writer.string(worded(step));
  }

  std::string worded(const SchemaStep& step)
  {
    std::string text = words[below(words.size())];
    while (static_cast<double>(text.size()) < step.least)
      text += fmt::format(" {}", words[below(words.size())]);
    text.resize(std::min(text.size(), static_cast<std::size_t>(step.most)));
    return text;
  }

  std::string patterned(const std::vector<PatternPiece>& pieces)
  {
    std::string text;
    for (const auto& piece : pieces)
      for (std::size_t i = 0; i < piece.count; ++i)
        text += piece.choices[below(piece.choices.size())];
    return text;
  }

  std::string formatted(std::string_view format)
  {
    const auto n = below(28) + 1;
    if (format == "date-time") return fmt::format("2026-03-{:02}T12:00:00Z", n);
    if (format == "date") return fmt::format("2026-03-{:02}", n);
    if (format == "time") return fmt::format("12:00:{:02}Z", n);
    if (format == "duration") return fmt::format("PT{}M", n);
    if (format == "email") return fmt::format("reader{}@example.com", n);
    if (format == "hostname") return fmt::format("host{}.example.com", n);
    if (format == "ipv4") return fmt::format("192.0.2.{}", n);
    if (format == "ipv6") return fmt::format("2001:db8::{:x}", n);
    return fmt::format("00000000-0000-4000-8000-{:012x}", n); // uuid
  }

  void make_number(const SchemaStep& step)
  {
    if (step.unit > 0) {
      const auto count = std::clamp(std::round((step.most - step.least) / step.unit) + 1, 1.0, 1e15);
      const auto n = static_cast<double>(below(static_cast<std::uint64_t>(count)));
      const auto value = step.least + n * step.unit + 0.0; // -0 becomes 0
      m_writer.raw(std::floor(step.unit) == step.unit ? fmt::format("{:.0f}", value) : fmt::format("{:.15g}", value));
      return;
    }
    const auto part = static_cast<double>(step.open ? below(999) + 1 : below(1001)) / 1000;
    m_writer.raw(fmt::format("{}", std::min(step.most, step.least + (step.most - step.least) * part)));
  }

  const SchemaPlan& m_plan;
  std::uint64_t m_state;
  int m_slack;
  json::Writer m_writer;
};

} // namespace

std::string schema_fault(const json::Value& schema)
{
  return plan_of(schema).fault;
}

std::string instance_of(const json::Value& schema, std::uint64_t hash)
{
  const auto plan = plan_of(schema);
  ensure(plan.fault.empty(), "a schema is checked before a document is made of it");
  std::string out;
  Maker{plan, hash, out}.make(0, 0);
  return out;
}

} // namespace batchwright::emulator
