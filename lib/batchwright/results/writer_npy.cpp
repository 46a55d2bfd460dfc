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

Error no_vector(const Outcome& outcome, std::string_view what)
{
  return {Fault::usage, fmt::format("writing a matrix: item {}: {}", outcome.ordinal, what),
          "take another format: --format jsonl"};
}

/// Reads vectors out of answers.
class Vectors {
public:
  /// Valid until the next call.
  const std::vector<float>& of(const Outcome& outcome)
  {
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    const auto answer = wire::read_answer(m_document.root(), outcome.from->endpoint);
    if (!answer.is_vector || answer.is_several) throw no_vector(outcome, "the answer is no vector");
    m_vector.clear();
    wire::append_floats(m_vector, answer.output());
    return m_vector;
  }

private:
  json::Document m_document = {};
  std::vector<float> m_vector = {};
};

/// How many numbers the first vector has; 0 where there is none.
std::size_t columns_in(const std::vector<OutcomeFile>& files, std::uint64_t rows)
{
  Walk walk{files, rows};
  while (const auto* head = walk.next()) {
    if (head->status != Status::succeeded) continue;
    auto outcome = *head;
    outcome.answer = walk.line();
    return Vectors{}.of(outcome).size();
  }
  return 0;
}

class NpyRenderer : public RecordRenderer {
public:
  explicit NpyRenderer(std::size_t columns) : m_nothing(columns, std::numeric_limits<float>::quiet_NaN()) {}

  Wrote add(std::string& out, const Outcome& outcome, const input::Item*) override
  {
    if (outcome.status != Status::succeeded) {
      append_row(out, m_nothing);
      return Wrote::record;
    }
    const auto& vector = m_vectors.of(outcome);
    if (vector.size() != m_nothing.size()) {
      throw no_vector(outcome,
                      fmt::format("its vector has {} numbers, others have {}", vector.size(), m_nothing.size()));
    }
    append_row(out, vector);
    return Wrote::record;
  }

  void pass(std::string& out, Ordinal) override { append_row(out, m_nothing); }

private:
  static void append_row(std::string& out, const std::vector<float>& row)
  {
    out.append(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
  }

  std::vector<float> m_nothing; // the row of an item without a vector
  Vectors m_vectors = {};
};

class NpyWriter : public RecordWriter {
public:
  NpyWriter(std::uint64_t rows, const std::vector<OutcomeFile>& files)
      : m_rows(rows), m_columns(columns_in(files, rows))
  {
  }

  void begin(std::string& out) override { out += npy_header(m_rows, m_columns); }
  std::unique_ptr<RecordRenderer> renderer() const override { return std::make_unique<NpyRenderer>(m_columns); }
  bool reads_line(const Outcome& outcome) const override { return outcome.status == Status::succeeded; }
  std::size_t bytes_of_each() const override { return m_columns * sizeof(float); }

private:
  std::uint64_t m_rows;
  std::size_t m_columns;
};

class IdsRenderer : public RecordRenderer {
public:
  explicit IdsRenderer(bool user_ids) : m_user_ids(user_ids) {}

  Wrote add(std::string& out, const Outcome& outcome, const input::Item*) override
  {
    write(out, outcome.ordinal, m_user_ids ? user_id(outcome) : default_custom_id(outcome.ordinal), outcome.status,
          outcome.status == Status::failed ? outcome.code : std::string_view{});
    return Wrote::record;
  }

  void pass(std::string& out, Ordinal ordinal) override
  {
    write(out, ordinal, m_user_ids ? std::string{} : default_custom_id(ordinal), Status::pending, {});
  }

private:
  std::string user_id(const Outcome& outcome)
  {
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    return wire::custom_id_of(m_document.root()).value_or("");
  }

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

class IdsWriter : public RecordWriter {
public:
  explicit IdsWriter(const Job& job) : m_user_ids(has_user_ids(job)) {}

  std::unique_ptr<RecordRenderer> renderer() const override { return std::make_unique<IdsRenderer>(m_user_ids); }
  bool reads_line(const Outcome&) const override { return m_user_ids; }

private:
  bool m_user_ids;
};

} // namespace

std::unique_ptr<RecordWriter> npy_writer(std::uint64_t rows, const std::vector<OutcomeFile>& files)
{
  return std::make_unique<NpyWriter>(rows, files);
}

std::unique_ptr<RecordWriter> ids_writer(const Job& job)
{
  return std::make_unique<IdsWriter>(job);
}

} // namespace batchwright::results
