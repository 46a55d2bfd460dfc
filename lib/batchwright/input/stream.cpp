// All inputs as one stream: ordinals run on from file to file, bad records are put aside as far as the user allows.

#include <batchwright/input/reader.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::input {
namespace {

std::unique_ptr<Reader> reader_for(const PinnedInput& input, Start from, Unread unread = Unread::no)
{
  switch (input.format) {
  case InputFormat::csv:
    return read_csv(input.path, ',', from);
  case InputFormat::tsv:
    return read_csv(input.path, '\t', from);
  case InputFormat::jsonl:
  case InputFormat::requests:
    return read_jsonl(input.path, from, unread);
  case InputFormat::text:
    return read_text(input.path, from);
  case InputFormat::files:
    return read_files(input.path, from);
  case InputFormat::automatic:
    break;
  }
  throw Error{Fault::bug,
              fmt::format("internal promise broken: {} has no reader for {}", input.path, name(input.format))};
}

class JobStream : public Stream {
public:
  JobStream(const std::vector<PinnedInput>& inputs, Options options, Mark from)
      : m_inputs(inputs),
        m_options(std::move(options)),
        m_ordinal(from.ordinal),
        m_input(from.input),
        m_start{from.offset, from.line}
  {
  }

  const Item* next() override
  {
    while (m_input < m_inputs.size()) {
      const auto& input = m_inputs[m_input];
      if (!m_reader) m_reader = reader_for(input, std::exchange(m_start, {}), unread());
      switch (m_reader->step()) {
      case Reader::Step::record: {
        auto& item = m_reader->item();
        item.mark.ordinal = m_ordinal++;
        item.mark.input = m_input;
        if (!item.is_file) item.file = input.path;
        return &item;
      }
      case Reader::Step::bad:
        put_aside(m_reader->fault());
        break;
      case Reader::Step::end:
        m_reader.reset();
        ++m_input;
      }
    }
    return nullptr;
  }

private:
  /// Where bad records may be put aside, each is read: it may be one.
  Unread unread() const { return m_options.skip_bad == 0 ? m_options.unread : Unread::no; }

  void put_aside(const Error& fault)
  {
    if (m_aside < m_options.skip_bad) {
      ++m_aside;
      if (m_options.on_skipped) m_options.on_skipped(fault);
      return;
    }
    const auto hint = fault.hint().empty() ? std::string{} : fault.hint() + "; or ";
    if (m_options.skip_bad == 0) {
      throw Error{fault.fault(), fault.what(), hint + "put bad records aside: --skip-bad N"}.at(*fault.place());
    }
    throw Error{fault.fault(),
                fmt::format("{} ({} bad record{} put aside before it)", fault.what(), m_aside,
                            m_aside == 1 ? " was" : "s were"),
                hint + "allow more with --skip-bad N"}
        .at(*fault.place());
  }

  std::vector<PinnedInput> m_inputs;
  Options m_options;
  Ordinal m_ordinal;
  std::uint32_t m_input;
  Start m_start;
  std::uint64_t m_aside = 0;
  std::unique_ptr<Reader> m_reader = {};
};

} // namespace

std::optional<Field> find_inside(const Item& item, std::string_view name)
{
  if (const auto whole = item.field(name)) return whole;
  for (auto point = name.rfind('.'); point != std::string_view::npos && point > 0; point = name.rfind('.', point - 1)) {
    const auto field = item.field(name.substr(0, point));
    if (!field) continue;
    json::Document document;
    if (field->form != Field::Form::json || !document.parse(field->bytes)) return std::nullopt;
    const auto rest = name.substr(point + 1);
    const auto value = rest.empty() ? document.root().find(rest) : document.root().along(rest);
    return value ? std::optional{Field{value->raw(), Field::Form::json}} : std::nullopt;
  }
  return std::nullopt;
}

Error fault_at(const Item& item, std::string_view what, std::string hint)
{
  if (item.is_file) {
    return Error{Fault::input, fmt::format("reading {}: {}", item.file, what), std::move(hint)}.at(item.place());
  }
  return fault_at(std::string{item.file}, item.mark.line, item.mark.offset, what, std::move(hint));
}

std::vector<std::string> fixed_columns(const PinnedInput& input)
{
  if (input.format == InputFormat::requests) return {};
  const auto reader = reader_for(input, {});
  return reader->fixed_columns();
}

Error fault_at(const PinnedInput& input, const Mark& mark, std::string_view what, std::string hint)
{
  if (input.format == InputFormat::files) { // only the walk knows which file that is
    const auto reader = reader_for(input, {mark.offset, mark.line});
    if (reader->step() == Reader::Step::record) return fault_at(reader->item(), what, std::move(hint));
  }
  return fault_at(input.path, mark.line, mark.offset, what, std::move(hint));
}

std::unique_ptr<Stream> open(const std::vector<PinnedInput>& inputs, Options options, Mark from)
{
  return std::make_unique<JobStream>(inputs, std::move(options), from);
}

} // namespace batchwright::input
