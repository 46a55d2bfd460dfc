#include <batchwright/json/json.hpp>
#include <batchwright/results/outcome_line.hpp>

#include <fmt/format.h>

#include <charconv>

namespace batchwright::results {
namespace {

constexpr std::string_view no_code = "-";
constexpr char elsewhere = '@'; // begins what is no line itself: a line is an object

/// What stands before the next TAB, taken off the front of `line`; nothing where there is no TAB.
std::optional<std::string_view> take_field(std::string_view& line)
{
  const auto tab = line.find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  const auto field = line.substr(0, tab);
  line.remove_prefix(tab + 1);
  return field;
}

/// Takes a number off the front of a text, and the character behind it, if there is to be one.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view behind)
{
  std::uint64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, number);
  if (fault != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  if (!text.starts_with(behind)) return std::nullopt;
  text.remove_prefix(behind.size());
  return number;
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

void append_place(std::string& out, const Span& place)
{
  fmt::format_to(std::back_inserter(out), "{}{}:{}:{}", elsewhere, place.source, place.offset, place.length);
}

std::optional<Span> parse_place(std::string_view answer)
{
  if (!answer.starts_with(elsewhere)) return std::nullopt;
  answer.remove_prefix(1);
  const auto source = take_number(answer, ":");
  const auto offset = source ? take_number(answer, ":") : std::nullopt;
  const auto length = offset ? take_number(answer, "") : std::nullopt;
  if (!length || !answer.empty()) return std::nullopt;
  return Span{static_cast<std::size_t>(*source), *offset, *length};
}

void append_answer_files(std::string& out, const std::vector<std::filesystem::path>& files,
                         const std::filesystem::path& directory)
{
  out += elsewhere;
  for (const auto& file : files) {
    out += '\t';
    const bool is_here = file.parent_path() == directory;
    json::append_escaped(out, (is_here ? file.filename() : std::filesystem::absolute(file)).native());
  }
}

std::optional<std::vector<std::filesystem::path>> parse_answer_files(std::string_view line,
                                                                     const std::filesystem::path& directory)
{
  if (!line.starts_with(elsewhere)) return std::nullopt;
  std::vector<std::filesystem::path> files;
  for (auto tab = line.find('\t'); tab != std::string_view::npos; tab = line.find('\t')) {
    line.remove_prefix(tab + 1);
    files.push_back(directory / json::decode_lossy(line.substr(0, line.find('\t'))));
  }
  return files;
}

} // namespace batchwright::results
