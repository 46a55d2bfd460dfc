// Vectors as a matrix of little-endian float32 in NumPy's format, version 1.0 (numpy.lib.format): a header that is a
// Python dictionary, then the rows. Row i is item i; a row of NaN stands where an item has no vector. Beside it, the
// ids.

#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/results/writers.hpp>
#include <batchwright/wire/answer.hpp>
#include <batchwright/wire/vector.hpp>

#include <fmt/format.h>

#include <bit>
#include <limits>
#include <vector>

namespace batchwright::results {
namespace {

static_assert(std::endian::native == std::endian::little, "the matrix is written as memory has it");

/// The header, padded with spaces so that the rows begin at a multiple of 64 bytes.
std::string npy_header(std::uint64_t rows, std::size_t columns)
{
  constexpr std::size_t alignment = 64;
  constexpr std::string_view magic{"\x93NUMPY\x01\x00", 8};
  auto words = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  const auto unpadded = magic.size() + 2 + words.size() + 1;
  words.append((alignment - unpadded % alignment) % alignment, ' ');
  words += '\n';
  std::string header{magic};
  header += static_cast<char>(words.size() % 256);
  header += static_cast<char>(words.size() / 256);
  return header + words;
}

class NpyWriter : public RecordWriter {
public:
  explicit NpyWriter(std::uint64_t rows) : m_rows(rows) {}

  Wrote add(std::string& out, const Outcome& outcome) override
  {
    if (outcome.status != Status::succeeded) {
      pass(out, outcome.ordinal);
      return Wrote::record;
    }
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    const auto answer = wire::read_answer(m_document.root(), outcome.from->endpoint);
    if (!answer.is_vector || answer.is_several) throw no_vector(outcome, "the answer is no vector");
    m_vector.clear();
    wire::append_floats(m_vector, answer.output());
    if (m_columns == 0) {
      m_columns = m_vector.size();
      start(out);
    }
    if (m_vector.size() != m_columns)
      throw no_vector(outcome, fmt::format("its vector has {} numbers, others have {}", m_vector.size(), m_columns));
    append_row(out);
    return Wrote::record;
  }

  /// Rows before the first vector wait for it: only then is known how long they are.
  void pass(std::string& out, Ordinal) override
  {
    if (m_columns == 0) {
      ++m_waiting;
      return;
    }
    append_nothing(out);
  }

  void end(std::string& out) override
  {
    if (m_columns == 0) out += npy_header(m_rows, 0);
  }

private:
  void start(std::string& out)
  {
    out += npy_header(m_rows, m_columns);
    const auto first = m_vector;
    for (; m_waiting > 0; --m_waiting)
      append_nothing(out);
    m_vector = first;
  }

  void append_nothing(std::string& out)
  {
    m_vector.assign(m_columns, std::numeric_limits<float>::quiet_NaN());
    append_row(out);
  }

  void append_row(std::string& out) const
  {
    out.append(reinterpret_cast<const char*>(m_vector.data()), m_vector.size() * sizeof(float));
  }

  static Error no_vector(const Outcome& outcome, std::string_view what)
  {
    return {Fault::usage, fmt::format("writing a matrix: item {}: {}", outcome.ordinal, what),
            "take another format: --format jsonl"};
  }

  std::uint64_t m_rows;
  std::size_t m_columns = 0;   // 0: no vector was seen
  std::uint64_t m_waiting = 0; // rows before the first vector
  std::vector<float> m_vector = {};
  json::Document m_document = {};
};

class IdsWriter : public RecordWriter {
public:
  explicit IdsWriter(const Job& job) : m_user_ids(has_user_ids(job)) {}

  Wrote add(std::string& out, const Outcome& outcome) override
  {
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    const auto answer = wire::read_answer(m_document.root(), outcome.from->endpoint);
    write(out, outcome.ordinal, m_user_ids ? answer.custom_id : default_custom_id(outcome.ordinal), outcome.status,
          outcome.status == Status::failed ? outcome.code : std::string_view{});
    return Wrote::record;
  }

  void pass(std::string& out, Ordinal ordinal) override
  {
    write(out, ordinal, m_user_ids ? std::string{} : default_custom_id(ordinal), Status::pending, {});
  }

private:
  static void write(std::string& out, Ordinal ordinal, const std::string& id, Status status, std::string_view code)
  {
    json::Writer record{out};
    record.begin_object().member("index", static_cast<std::int64_t>(ordinal));
    record.member("custom_id", id.empty() ? std::nullopt : std::optional{id}).member("status", name(status));
    record.member("error", code.empty() ? std::nullopt : std::optional{std::string{code}}).end_object();
    out += '\n';
  }

  bool m_user_ids;
  json::Document m_document = {};
};

} // namespace

std::unique_ptr<RecordWriter> npy_writer(std::uint64_t rows)
{
  return std::make_unique<NpyWriter>(rows);
}

std::unique_ptr<RecordWriter> ids_writer(const Job& job)
{
  return std::make_unique<IdsWriter>(job);
}

} // namespace batchwright::results
