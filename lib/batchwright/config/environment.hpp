// The variables of the environment. Empty ones count as unset, as the official clients take them.
#pragma once

#include <functional>
#include <string>

namespace batchwright::config {

/// Reads one variable; empty and unset are the same. A parameter, so that tests need not touch the process's own.
using Variables = std::function<std::string(const char* name)>;
Variables process_variables();

/// Without space and line ends around it, as values and key files are read.
std::string trimmed(std::string text);

} // namespace batchwright::config
