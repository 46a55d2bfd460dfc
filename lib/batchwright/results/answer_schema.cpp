// valijson reads the schema and walks the document. What it does unsoundly is done here in its place, by specialising
// its visitor for our documents: std::regex overflows the stack on long strings and its formats throw on what is no
// string; texts end at a NUL; 4.5 passes as a multiple of 2; alternatives that refer to each other are tried again and
// again, which doubles the time with each level; each bad item of a list is kept as an error.

#include <batchwright/base/error.hpp>
#include <batchwright/results/answer_adapter.hpp>
#include <batchwright/results/answer_schema.hpp>
#include <batchwright/results/text_rules.hpp>
#include <batchwright/wire/strict_schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_visitor.hpp>

namespace batchwright::results {
namespace {

using Patterns = std::map<std::string, TextPattern, std::less<>>;

/// What is known while one document is judged: the patterns, and which values fit which schemas.
struct Judgement {
  const Patterns& patterns;
  std::map<std::pair<const valijson::Subschema*, std::uint32_t>, bool> fits = {};
};

/// The judgement at hand: valijson hands nothing of ours through to its visitor.
thread_local Judgement* judgement = nullptr;

class JudgementScope {
public:
  explicit JudgementScope(Judgement& now) { judgement = &now; }
  JudgementScope(const JudgementScope&) = delete;
  JudgementScope& operator=(const JudgementScope&) = delete;
  ~JudgementScope() { judgement = nullptr; }
};

/// All strings that stand under `pattern` in a schema; those that are no patterns but look so (in an `enum`) do no
/// harm.
void compile_patterns(const AnswerTree& schema, Patterns& patterns)
{
  for (std::uint32_t n = 0; n < schema.size(); ++n) {
    if (schema[n].key != "pattern" || !schema[n].value.is(json::Kind::string)) continue;
    auto text = std::string{schema[n].text};
    patterns.try_emplace(text, text);
  }
}

double number_of(const TreeAdapter& value)
{
  double number = 0;
  value.value().getDouble(number);
  return number;
}

bool is_whole(const TreeAdapter& value)
{
  if (value.value().isInteger()) return true;
  const auto number = number_of(value);
  return value.value().isNumber() && std::floor(number) == number;
}

bool is_multiple(const TreeAdapter& value, double unit)
{
  constexpr double slack = 1e-9; // 0.3 is a multiple of 0.1, whatever doubles make of both
  const auto times = number_of(value) / unit;
  return std::fabs(times - std::round(times)) <= slack * std::max(1.0, std::fabs(times));
}

std::string_view word(const TreeAdapter& value)
{
  constexpr std::array words{"null", "a boolean", "a number", "a string", "a list", "an object"};
  return words[static_cast<std::size_t>(value.value().node().value.kind())];
}

/// Whether the value is of a type that the schema names. Written so, since a whole number may be written `1.0`.
bool is_of(const TreeAdapter& value, valijson::constraints::TypeConstraint::JsonType type)
{
  using Type = valijson::constraints::TypeConstraint;
  const auto& v = value.value();
  switch (type) {
  case Type::kAny:
    return true;
  case Type::kArray:
    return v.isArray();
  case Type::kBoolean:
    return v.isBool();
  case Type::kInteger:
    return is_whole(value);
  case Type::kNull:
    return v.isNull();
  case Type::kNumber:
    return v.isNumber();
  case Type::kObject:
    return v.isObject();
  case Type::kString:
    return v.isString();
  }
  return false;
}

} // namespace
} // namespace batchwright::results

namespace valijson {

using OurVisitor = ValidationVisitor<batchwright::results::TreeAdapter>;

template<>
bool OurVisitor::validateSchema(const Subschema& subschema)
{
  if (subschema.getAlwaysInvalid()) return false;
  Subschema::ApplyFunction each = [this](const auto& constraint) { return constraint.accept(*this); };
  if (m_results != nullptr) return subschema.apply(each);
  const auto& value = m_target.value();
  if (!value.isArray() && !value.isObject()) return subschema.applyStrict(each);
  auto& fits = batchwright::results::judgement->fits;
  const std::pair key{&subschema, value.number()};
  if (const auto known = fits.find(key); known != fits.end()) return known->second;
  const bool fit = subschema.applyStrict(each);
  fits.emplace(key, fit);
  return fit;
}

template<>
bool OurVisitor::visit(const AnyOfConstraint& constraint)
{
  unsigned int fitting = 0;
  OurVisitor silent{m_target, m_context, m_strictTypes, nullptr, m_regexesCache};
  constraint.applyToSubschemas(
      ValidateSubschemas(m_target, m_context, false, true, silent, nullptr, &fitting, nullptr));
  if (fitting == 0 && m_results != nullptr) m_results->pushError(m_context, "fits none of the alternatives of `anyOf`");
  return fitting > 0;
}

template<>
bool OurVisitor::visit(const EnumConstraint& constraint)
{
  unsigned int equal = 0;
  constraint.applyToValues(ValidateEquality(m_target, m_context, false, true, m_strictTypes, nullptr, &equal));
  if (equal == 0 && m_results != nullptr) m_results->pushError(m_context, "not one of the allowed values");
  return equal > 0;
}

template<>
bool OurVisitor::visit(const ConstConstraint& constraint)
{
  const bool equal = constraint.getValue()->equalTo(m_target, m_strictTypes);
  if (!equal && m_results != nullptr) m_results->pushError(m_context, "not the one allowed value");
  return equal;
}

template<>
bool OurVisitor::visit(const TypeConstraint& constraint)
{
  using JsonType = constraints::TypeConstraint::JsonType;
  static constexpr std::array names = {"any", "array", "boolean", "integer", "null", "number", "object", "string"};
  bool fits = false;
  std::string expected;
  const auto look = [&](JsonType type) {
    fits = fits || batchwright::results::is_of(m_target, type);
    expected += (expected.empty() ? "" : " or ") + std::string{names[static_cast<std::size_t>(type)]};
    return true;
  };
  constraint.applyToNamedTypes(look);
  if (!fits && m_results != nullptr)
    m_results->pushError(m_context,
                         fmt::format("expected {}, found {}", expected, batchwright::results::word(m_target)));
  return fits;
}

template<>
bool OurVisitor::visit(const SingularItemsConstraint& constraint)
{
  const auto* schema = constraint.getItemsSubschema();
  if (!m_target.value().isArray() || schema == nullptr) return true;
  std::size_t index = 0;
  for (const auto& item : m_target.asArray()) {
    auto context = m_context;
    context.push_back(fmt::format("[{}]", index++));
    OurVisitor visitor{item, std::move(context), m_strictTypes, m_results, m_regexesCache};
    if (!visitor.validateSchema(*schema)) return false;
  }
  return true;
}

template<>
bool OurVisitor::visit(const PatternConstraint& constraint)
{
  if (!m_target.value().isString()) return true;
  const auto pattern = constraint.getPattern<std::string::allocator_type>();
  const bool fits = batchwright::results::judgement->patterns.at(pattern).matches(m_target.value().node().text);
  if (!fits && m_results != nullptr) m_results->pushError(m_context, fmt::format("does not match `{}`", pattern));
  return fits;
}

template<>
bool OurVisitor::visit(const FormatConstraint& constraint)
{
  if (!m_target.value().isString()) return true;
  const bool fits = batchwright::results::has_format(m_target.value().node().text, constraint.getFormat());
  if (!fits && m_results != nullptr)
    m_results->pushError(m_context, fmt::format("not of the format {}", constraint.getFormat()));
  return fits;
}

template<>
bool OurVisitor::visit(const MinLengthConstraint& constraint)
{
  if (!m_target.value().isString()) return true;
  const bool fits = batchwright::results::length(m_target.value().node().text) >= constraint.getMinLength();
  if (!fits && m_results != nullptr)
    m_results->pushError(m_context, fmt::format("shorter than {} characters", constraint.getMinLength()));
  return fits;
}

template<>
bool OurVisitor::visit(const MaxLengthConstraint& constraint)
{
  if (!m_target.value().isString()) return true;
  const bool fits = batchwright::results::length(m_target.value().node().text) <= constraint.getMaxLength();
  if (!fits && m_results != nullptr)
    m_results->pushError(m_context, fmt::format("longer than {} characters", constraint.getMaxLength()));
  return fits;
}

template<>
bool OurVisitor::visit(const MultipleOfDoubleConstraint& constraint)
{
  if (!m_target.value().isNumber()) return true;
  const bool fits = batchwright::results::is_multiple(m_target, constraint.getDivisor());
  if (!fits && m_results != nullptr)
    m_results->pushError(m_context, fmt::format("not a multiple of {}", constraint.getDivisor()));
  return fits;
}

template<>
bool OurVisitor::visit(const MultipleOfIntConstraint& constraint)
{
  std::int64_t whole = 0;
  if (!m_target.value().isNumber()) return true;
  const bool fits = m_target.value().getInteger(whole)
                        ? whole % constraint.getDivisor() == 0
                        : batchwright::results::is_multiple(m_target, static_cast<double>(constraint.getDivisor()));
  if (!fits && m_results != nullptr)
    m_results->pushError(m_context, fmt::format("not a multiple of {}", constraint.getDivisor()));
  return fits;
}

} // namespace valijson

namespace batchwright::results {
namespace {

/// valijson's path, of "<root>" and "[name]"s, as a JSON pointer.
std::string pointer_of(const std::vector<std::string>& context)
{
  std::string pointer;
  for (std::size_t n = 1; n < context.size(); ++n) {
    pointer += '/';
    for (const char c : std::string_view{context[n]}.substr(1, context[n].size() - 2))
      pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return pointer;
}

/// What valijson says itself, as we say it.
std::string plain(std::string text)
{
  const auto quote = text.find(": '");
  if (text.starts_with("Object contains a property") && quote != std::string::npos)
    return "a property that is not allowed" + text.substr(quote, text.size() - quote - 1);
  if (!text.empty() && text.back() == '.') text.pop_back();
  if (!text.empty()) text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
  return text;
}

[[noreturn]] void refuse(std::string_view what, std::string hint = {})
{
  throw Error{Fault::input, fmt::format("the schema cannot be used: {}", what), std::move(hint)};
}

void check_rules(std::string_view schema_json)
{
  const auto problems = wire::check_strict(schema_json);
  if (problems.empty()) return;
  const auto& first = problems.front();
  const auto more = problems.size() == 1 ? "" : fmt::format(" (and {} more)", problems.size() - 1);
  refuse(fmt::format("{}{}{}{}", first.pointer, first.pointer.empty() ? "" : ": ", first.what, more));
}

} // namespace

struct AnswerSchema::Compiled {
  valijson::Schema schema = {};
  Patterns patterns = {};
};

AnswerSchema::AnswerSchema(std::string_view schema_json)
{
  check_rules(schema_json);
  AnswerTree tree;
  if (const auto fault = tree.read(schema_json)) refuse(*fault);
  const auto compiled = std::make_shared<Compiled>();
  compile_patterns(tree, compiled->patterns);
  try {
    valijson::SchemaParser parser;
    parser.populateSchema(TreeAdapter{tree, 0}, compiled->schema);
  } catch (const std::exception& error) {
    refuse(error.what());
  }
  m_compiled = compiled;
}

std::optional<std::string> AnswerSchema::violation(std::string_view document) const
{
  AnswerTree tree;
  if (auto fault = tree.read(document)) return fault;
  Judgement now{m_compiled->patterns};
  const JudgementScope scope{now};
  std::unordered_map<std::string, std::regex> unused; // valijson's own; patterns are ours
  const TreeAdapter whole{tree, 0};
  valijson::OurVisitor first_look{whole, {"<root>"}, true, nullptr, unused};
  if (first_look.validateSchema(m_compiled->schema)) return std::nullopt;
  valijson::ValidationResults found;
  valijson::OurVisitor{whole, {"<root>"}, true, &found, unused}.validateSchema(m_compiled->schema);
  valijson::ValidationResults::Error first;
  if (!found.popError(first)) return "does not fit";
  return at_pointer(pointer_of(first.context), plain(std::move(first.description)));
}

} // namespace batchwright::results
