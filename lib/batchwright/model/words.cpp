// The words of the model: one for each value, the same in the database's dumps, in JSON and on the screen.

#include <batchwright/model/events.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/model/reconciliation.hpp>
#include <batchwright/model/view.hpp>

#include <algorithm>
#include <array>

namespace batchwright {
namespace {

template<class Enum, std::size_t N>
std::optional<Enum> named(std::string_view word, const std::array<Enum, N>& values)
{
  const auto found = std::find_if(values.begin(), values.end(), [&](Enum e) { return name(e) == word; });
  return found == values.end() ? std::nullopt : std::optional{*found};
}

bool is_name_character(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

constexpr std::size_t longest_name = 40;

} // namespace

std::string_view name(Route route)
{
  constexpr std::array<std::string_view, 3> names{"batch", "realtime", "reused"};
  return names.at(static_cast<std::size_t>(route));
}

std::string_view name(Comparison comparison)
{
  constexpr std::array<std::string_view, 6> names{"equal",        "more",         "another_day",
                                                  "lost_answers", "not_reported", "fewer"};
  return names.at(static_cast<std::size_t>(comparison));
}

std::string_view name(PartState state)
{
  constexpr std::array<std::string_view, 11> names{"planned", "uploading",  "queued",   "creating",
                                                   "running", "cancelling", "ended",    "fetched",
                                                   "settled", "superseded", "abandoned"};
  return names.at(static_cast<std::size_t>(state));
}

std::string_view name(Mode mode)
{
  constexpr std::array<std::string_view, 3> names{"batch", "hybrid", "realtime"};
  return names.at(static_cast<std::size_t>(mode));
}

std::string_view name(Fallback fallback)
{
  constexpr std::array<std::string_view, 3> names{"batch", "none", "realtime"};
  return names.at(static_cast<std::size_t>(fallback));
}

std::string_view name(Pause pause)
{
  constexpr std::array<std::string_view, 8> names{
      "none", "auth", "quota", "budget", "account", "failures", "unknown_submission", "disk"};
  return names.at(static_cast<std::size_t>(pause));
}

std::string_view name(InputFormat format)
{
  constexpr std::array<std::string_view, 7> names{"auto", "csv", "jsonl", "text", "tsv", "files", "requests"};
  return names.at(static_cast<std::size_t>(format));
}

std::string_view name(JobState state)
{
  constexpr std::array<std::string_view, 6> names{"planned", "open", "running", "paused", "cancelling", "done"};
  return names.at(static_cast<std::size_t>(state));
}

std::string_view name(Phase phase)
{
  constexpr std::array<std::string_view, 7> names{"reading",     "building", "uploading", "running",
                                                  "downloading", "settling", "merging"};
  return names.at(static_cast<std::size_t>(phase));
}

std::optional<Fallback> fallback_named(std::string_view word)
{
  return named(word, std::array{Fallback::batch, Fallback::none, Fallback::realtime});
}

std::optional<InputFormat> input_format_named(std::string_view word)
{
  return named(word, std::array{InputFormat::automatic, InputFormat::csv, InputFormat::jsonl, InputFormat::text,
                                InputFormat::tsv, InputFormat::files, InputFormat::requests});
}

bool is_job_name(std::string_view text)
{
  return !text.empty() && text.size() <= longest_name && text.front() != '_' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), is_name_character);
}

std::string job_name_from(std::string_view file_name)
{
  const auto dot = file_name.find('.', 1); // all suffixes go: "reviews.csv.gz" is "reviews"
  std::string made;
  for (char c : file_name.substr(0, dot)) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (is_name_character(c) && (c != '_' || !made.empty())) {
      if (c != '-' || (!made.empty() && made.back() != '-')) made += c;
    } else if (!made.empty() && made.back() != '-') {
      made += '-';
    }
  }
  made.resize(std::min(made.size(), longest_name));
  while (!made.empty() && made.back() == '-')
    made.pop_back();
  return made.empty() ? "job" : made;
}

bool is_ready_made(const Job& job)
{
  return !job.inputs.empty() && job.inputs.front().format == InputFormat::requests;
}

bool has_user_ids(const Job& job)
{
  return !job.request.id_column.empty() || is_ready_made(job);
}

bool sends_user_ids(const Job& job)
{
  return is_ready_made(job) || (!job.request.id_column.empty() && job.request.inputs_per_request <= 1);
}

bool lists_ids(const Job& job)
{
  return has_user_ids(job) && (is_ready_made(job) || !sends_user_ids(job) || job.compress);
}

bool accepts(const Policy& policy, std::string_view code)
{
  std::string_view list{policy.accept};
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (list.substr(0, comma) == code) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

} // namespace batchwright
