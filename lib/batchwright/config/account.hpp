// Where the server is and who we are there, out of the settings.
#pragma once

#include <batchwright/base/secret.hpp>
#include <batchwright/config/settings.hpp>

#include <string>

namespace batchwright::config {

/// Where to and who, without the key.
struct Account {
  std::string base_url = {}; ///< without a slash at its end
  std::string organization = {};
  std::string project = {};
};

Account read_account(const Settings& settings);

/// The key: OPENAI_API_KEY, else the file that OPENAI_API_KEY_FILE names, else $CREDENTIALS_DIRECTORY/openai-api-key,
/// else `api_key` or `api_key_file` of the configuration. Space around it is dropped. Throws `Fault::auth` where there
/// is none, with what to do; `Fault::config` for a key that cannot stand in a header; `Fault::storage` for a file that
/// cannot be read, whose name is shown only where there is such a file.
Secret read_key(const Settings& settings);

/// The key that may read the organisation's usage: OPENAI_ADMIN_KEY, else `admin_key` of the configuration. Throws
/// `Fault::auth` where there is none, with what to do; `Fault::config` for one that cannot stand in a header.
Secret read_admin_key(const Settings& settings);

/// Whose the work is, as a job remembers it: the endpoint with organisation and project where they are given, else with
/// a digest of the key. Never the key.
std::string account_name(const Account& account, const Secret& key);

} // namespace batchwright::config
