// All items in input order: a k-way merge of sorted outcome files, of which few are open at once.

#include <batchwright/base/error.hpp>
#include <batchwright/results/outcome_file.hpp>
#include <batchwright/results/results.hpp>

#include <algorithm>
#include <utility>

namespace batchwright::results {
namespace {

/// An open outcome file and the outcome that comes next in it.
class Reader {
public:
  Reader(const OutcomeFile& file, AnswerMemory& memory) : m_file(file), m_outcomes(file.path, memory) {}

  /// Moves on; false at the end.
  bool advance()
  {
    const auto* outcome = m_outcomes.next();
    if (!outcome) return false;
    m_head = *outcome;
    m_head.from = &m_file;
    m_answer = std::exchange(m_head.answer, {});
    return true;
  }

  Ordinal ordinal() const noexcept { return m_head.ordinal; }

  /// What comes next, without its line; valid until advance().
  const Outcome& head() const noexcept { return m_head; }
  /// The line of it, likewise.
  std::string_view line() { return m_outcomes.line(m_answer); }

private:
  const OutcomeFile& m_file;
  OutcomeReader m_outcomes;
  Outcome m_head = {};
  std::string_view m_answer = {}; // as the outcome file has it
};

} // namespace

struct Walk::State {
  void open_files();
  Reader* reader_at_next();

  std::vector<OutcomeFile> files = {}; // by their first ordinal
  std::size_t opened = 0;              // of `files`
  AnswerMemory memory{answer_memory};
  std::vector<std::unique_ptr<Reader>> readers = {};
  Reader* given = nullptr; // its head was given out; it moves on with the next call, since views point into it
  std::uint64_t items = 0;
  Ordinal next = 0;
  Outcome pending = {};
};

Walk::Walk(std::vector<OutcomeFile> files, std::uint64_t end, Ordinal first) : m_state(std::make_unique<State>())
{
  m_state->next = first;
  m_state->files = std::move(files);
  m_state->items = end;
  std::sort(m_state->files.begin(), m_state->files.end(),
            [](const OutcomeFile& a, const OutcomeFile& b) { return a.first < b.first; });
}

Walk::~Walk() = default;

/// Opens the files that may hold the next item.
void Walk::State::open_files()
{
  for (; opened < files.size() && files[opened].first <= next; ++opened) {
    auto reader = std::make_unique<Reader>(files[opened], memory);
    if (reader->advance()) readers.push_back(std::move(reader));
  }
}

/// The reader whose head is the next item; null where no file holds it.
Reader* Walk::State::reader_at_next()
{
  Reader* found = nullptr;
  for (const auto& reader : readers) {
    if (reader->ordinal() > next) continue;
    ensure(!found && reader->ordinal() == next, "one outcome file holds an item, in ascending order");
    found = reader.get();
  }
  return found;
}

const Outcome* Walk::next()
{
  auto& s = *m_state;
  if (s.given && !s.given->advance()) {
    std::erase_if(s.readers, [&](const auto& reader) { return reader.get() == s.given; });
  }
  s.given = nullptr;
  if (s.next == s.items) {
    ensure(s.readers.empty() && s.opened == s.files.size(), "outcome files hold only the job's items");
    return nullptr;
  }
  s.open_files();
  s.given = s.reader_at_next();
  const auto ordinal = s.next++;
  if (s.given) return &s.given->head();
  s.pending = {.ordinal = ordinal, .status = Status::pending};
  return &s.pending;
}

std::string_view Walk::line()
{
  return m_state->given ? m_state->given->line() : std::string_view{};
}

} // namespace batchwright::results
