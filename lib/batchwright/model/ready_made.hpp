// What is found in a file of ready-made requests before it is sent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace batchwright {

/// One thing for which the server would refuse a file.
struct FileProblem {
  std::uint64_t line = 0; ///< from 1; 0: the file as a whole
  std::uint64_t byte = 0; ///< from the start of the unpacked file
  std::string code = {};  ///< the server's own word where one is known: "duplicate_custom_id"
  std::string message = {};

  bool operator==(const FileProblem&) const = default;
};

/// What a file comes to.
struct FileVerdict {
  std::string file = {};
  std::uint64_t problems = 0;
  std::uint64_t requests = 0;              ///< lines that are not blank
  std::uint64_t bytes = 0;                 ///< unpacked
  std::uint64_t parts = 0;                 ///< into which `submit` would cut it
  std::vector<std::string> models = {};    ///< in the order met
  std::vector<std::string> endpoints = {}; ///< in the order met

  bool valid() const { return problems == 0; }
};

} // namespace batchwright
