#include <batchwright/json/json.hpp>
#include <batchwright/results/outcome_line.hpp>

#include <fmt/format.h>

#include <charconv>

namespace batchwright::results {
namespace {

constexpr std::string_view no_code = "-";

/// What stands before the next TAB, taken off the front of `line`; nothing where there is no TAB.
std::optional<std::string_view> take_field(std::string_view& line)
{
  const auto tab = line.find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  const auto field = line.substr(0, tab);
  line.remove_prefix(tab + 1);
  return field;
}

} // namespace

void append_outcome_head(std::string& out, Ordinal ordinal, Status status, std::string_view code, bool paid)
{
  const bool succeeded = status == Status::succeeded;
  fmt::format_to(std::back_inserter(out), "{}\t{}\t", ordinal, succeeded ? 's' : 'f');
  if (succeeded && code.empty()) {
    out += no_code;
  } else {
    json::append_escaped(out, code);
  }
  out += paid ? "\t1\t" : "\t0\t";
}

std::optional<Outcome> parse_outcome(std::string_view line, std::string& decoded)
{
  const auto ordinal = take_field(line);
  const auto status = take_field(line);
  const auto code = take_field(line);
  const auto paid = take_field(line);
  if (!ordinal || !status || !code || !paid) return std::nullopt;

  Outcome outcome;
  const auto* end = ordinal->data() + ordinal->size();
  const auto [stop, fault] = std::from_chars(ordinal->data(), end, outcome.ordinal);
  if (fault != std::errc{} || stop != end) return std::nullopt;
  if ((*status != "s" && *status != "f") || (*paid != "0" && *paid != "1")) return std::nullopt;

  outcome.status = *status == "s" ? Status::succeeded : Status::failed;
  if (outcome.status == Status::failed || *code != no_code) {
    outcome.code = *code;
    if (code->find('\\') != std::string_view::npos) outcome.code = decoded = json::decode_lossy(*code);
  }
  outcome.paid = *paid == "1";
  outcome.answer = line;
  return outcome;
}

} // namespace batchwright::results
