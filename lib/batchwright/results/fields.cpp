#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/csv_columns.hpp>
#include <batchwright/results/fields.hpp>
#include <batchwright/results/input_along.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace batchwright::results {
namespace {

constexpr std::string_view whole_input = "input";
constexpr std::size_t most_listed = 30;

/// What stands before the first point, and what behind it.
std::pair<std::string_view, std::string_view> split(std::string_view name)
{
  const auto point = name.find('.');
  if (point == std::string_view::npos) return {name, {}};
  return {name.substr(0, point), name.substr(point + 1)};
}

Error unknown(const std::string& name, const std::deque<std::string>& columns)
{
  std::vector<std::string> known;
  for (std::size_t i = 0; i < member_count; ++i)
    known.emplace_back(results::name(static_cast<Member>(i)));
  known.emplace_back(whole_input);
  for (const auto& column : columns) {
    if (known.size() < most_listed && !column.empty()) known.push_back(column);
  }
  return {Fault::usage, fmt::format("--fields {}: neither in a record nor a column of the input", name),
          fmt::format("there are {}, and what stands inside them, as output.label", fmt::join(known, ", "))};
}

Error without_input(const std::string& name, const Job& job)
{
  return {
      Fault::usage,
      fmt::format("--fields {}: not in a record, and the input of {}, which was rebuilt from the server, is not known",
                  name, job.name),
      fmt::format("`batchwright submit` the same input, with the same options and --name {}", job.name)};
}

/// The columns of the job's input, read when the first name needs them.
class Columns {
public:
  explicit Columns(const Job& job) : m_job(job) {}

  const std::deque<std::string>& names()
  {
    if (!m_columns) {
      input::Pins{m_job.inputs}.check();
      m_columns.emplace(m_job);
    }
    return m_columns->names();
  }

  /// Whether a column has this name, or one that holds JSON begins it.
  bool has(std::string_view name)
  {
    const auto& all = names();
    return std::any_of(all.begin(), all.end(), [&](const std::string& column) {
      if (column.empty() || !name.starts_with(column)) return false;
      return name.size() == column.size() || (holds_json() && name[column.size()] == '.');
    });
  }

private:
  bool holds_json() const
  {
    return std::any_of(m_job.inputs.begin(), m_job.inputs.end(), [](const PinnedInput& input) {
      return input.format == InputFormat::jsonl || input.format == InputFormat::requests;
    });
  }

  const Job& m_job;
  std::optional<CsvColumns> m_columns = {};
};

Field field_named(const std::string& name, const Job& job, Columns& columns)
{
  const auto [first, rest] = split(name);
  if (const auto member = member_named(first)) return {name, member, std::string{rest}};
  if (!knows_input(job) && name == "id") return {name, Member::custom_id, {}};
  if (!knows_input(job)) throw without_input(name, job);
  if (first == whole_input && rest.empty()) return {name, {}, {}};
  const std::string column{first == whole_input && !columns.has(name) ? rest : std::string_view{name}};
  if (columns.has(column)) return {name, {}, column};
  if (name == "id") return {name, Member::custom_id, {}};
  throw unknown(name, columns.names());
}

/// The record of the input as a JSON object; a line that is one already, as it stands.
void append_whole(std::string& out, const input::Item& item)
{
  if (!item.line().empty()) {
    out += item.line();
    return;
  }
  json::Writer object{out};
  object.begin_object();
  item.each([&](std::string_view column, const input::Field& field) {
    object.key(column);
    if (field.form == input::Field::Form::json) {
      object.raw(field.bytes);
    } else {
      object.string(field.bytes);
    }
  });
  object.end_object();
}

void append_of_input(std::string& out, const std::string& path, const input::Item& item)
{
  if (path.empty()) return append_whole(out, item);
  const auto field = input::find_inside(item, path);
  if (!field) {
    out += "null";
  } else if (field->form == input::Field::Form::json) {
    out += field->bytes;
  } else {
    json::append_string(out, field->bytes);
  }
}

} // namespace

std::vector<Field> fields_named(const std::vector<std::string>& names, const Job& job)
{
  Columns columns{job};
  std::vector<Field> fields;
  std::set<std::string_view> seen;
  for (const auto& name : names) {
    if (!seen.insert(name).second) throw Error{Fault::usage, fmt::format("--fields: {} is named twice", name)};
    fields.push_back(field_named(name, job, columns));
  }
  return fields;
}

void append_included(std::vector<Field>& fields, const Choice& choice)
{
  const auto add = [&](bool wanted, const Field& field) {
    const auto is_it = [&](const Field& other) { return other.in == field.in && other.path == field.path; };
    if (wanted && std::none_of(fields.begin(), fields.end(), is_it)) fields.push_back(field);
  };
  add(choice.input, {std::string{whole_input}, {}, {}});
  add(choice.response, {"response", Member::response, {}});
}

bool need_input(const std::vector<Field>& fields)
{
  return std::any_of(fields.begin(), fields.end(), [](const Field& field) { return !field.in; });
}

bool need_answer(const std::vector<Field>& fields, const Record& record, const Outcome& outcome)
{
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Field& field) { return field.in && record.reads_answer(outcome, *field.in); });
}

void append_value(std::string& out, const Field& field, Record& record, const input::Item* item)
{
  if (!field.in) {
    ensure(item != nullptr, "the input is read along where a field needs it");
    return append_of_input(out, field.path, *item);
  }
  if (field.path.empty()) return record.append(out, *field.in);
  out += record.find(*field.in, field.path).value_or("null");
}

} // namespace batchwright::results
