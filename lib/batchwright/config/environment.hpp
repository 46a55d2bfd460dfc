// What the environment says: where the server is, who we are there, and where our own state lives.
// Empty variables count as unset, as the official clients take them.
#pragma once

#include <batchwright/base/secret.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace batchwright::config {

/// Reads one variable; empty and unset are the same. A parameter, so that tests need not touch the process's own.
using Variables = std::function<std::string(const char* name)>;
Variables process_variables();

/// Where to and who, without the key.
struct Account {
  std::string base_url = {};     ///< OPENAI_BASE_URL, without a slash at its end
  std::string organization = {}; ///< OPENAI_ORG_ID
  std::string project = {};      ///< OPENAI_PROJECT_ID
};

/// `default_base_url` is the provider's.
Account read_account(const Variables& variables, std::string_view default_base_url);

/// The key: OPENAI_API_KEY, else the file that OPENAI_API_KEY_FILE names, else
/// $CREDENTIALS_DIRECTORY/openai-api-key. Space around it is dropped. Throws `Fault::auth` where there is none, with
/// what to do; `Fault::config` for a key that cannot stand in a header; `Fault::storage` for a file that cannot be
/// read, whose name is shown only where there is such a file.
Secret read_key(const Variables& variables);

/// Whose the work is, as a job remembers it: the endpoint with organisation and project where they are given, else with
/// a digest of the key. Never the key.
std::string account_name(const Account& account, const Secret& key);

/// The state root: `home` where given (--home), else $BATCHWRIGHT_HOME, $XDG_STATE_HOME/batchwright,
/// ~/.local/state/batchwright. Absolute. Throws `Fault::config` where none of them is set.
std::filesystem::path state_root(const std::string& home, const Variables& variables);

} // namespace batchwright::config
