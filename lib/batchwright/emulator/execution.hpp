// Runs the requests of a batch, one at a time, and writes their lines to the output and the error file.
// In: the input file and where its requests stand. Out: two files, counts, usage. The order is a shuffle that follows
// from the seed and the batch's number. Memory is the index, 8 bytes a request, and while it runs one line and two
// small buffers. Never: knows about time or states.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/ledger.hpp>
#include <batchwright/emulator/result_file.hpp>
#include <batchwright/emulator/setting.hpp>
#include <batchwright/emulator/validation.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace batchwright::emulator {

/// What was done so far.
struct Progress {
  std::int64_t completed = 0; ///< lines in the output file, a duplicate counted once
  std::int64_t failed = 0;    ///< lines in the error file that the API counts: those that were not cancelled or expired
  std::int64_t executed = 0;
  Usage usage = {};
};

class Execution {
public:
  struct Files {
    std::filesystem::path input = {};
    std::filesystem::path output = {};
    std::filesystem::path error = {};
  };

  /// What tells the requests of a batch from those of another.
  struct Which {
    std::int64_t batch = 0; ///< its number
    const Endpoint& endpoint;
  };

  Execution(const Setting& setting, Ledger& ledger, PromptCache& cache, const Which& which, const Files& files,
            std::vector<Line> lines);

  std::size_t size() const noexcept { return m_lines.size(); }
  std::size_t done() const noexcept { return m_done; }
  const Progress& progress() const noexcept { return m_progress; }

  /// Runs the next request. REQUIRED: done() < size().
  void step();
  /// Writes an error line with `code` for each request that is not done.
  void leave_rest(std::string_view code, std::string_view message);

  /// Gives back all memory but the index; what is to come takes it anew.
  void rest();

  /// Bytes of each file; one of 0 bytes is not kept by commit().
  std::uint64_t output_bytes() const noexcept { return m_output.size(); }
  std::uint64_t error_bytes() const noexcept { return m_error.size(); }
  void commit();

private:
  void load(const Line& line);
  json::Value custom_id() const;
  std::string strange_line(const ModelReply& reply);
  std::string response_line(std::string_view id, const ModelReply& reply);
  void write_error(std::string_view code, std::string_view message);
  std::string finished(const std::string& line) const;
  std::string next_id();
  void deliver(const ModelReply& reply, Fate fate);

  const Setting& m_setting;
  Ledger& m_ledger;
  PromptCache& m_cache;
  const Endpoint& m_endpoint;
  std::uint64_t m_id_state;
  InputFile m_input;
  ResultFile m_output;
  ResultFile m_error;
  std::vector<Line> m_lines; // shuffled
  std::size_t m_done = 0;
  Progress m_progress = {};
  std::string m_text = {}; // of the current line
  json::Document m_document = {};
};

} // namespace batchwright::emulator
