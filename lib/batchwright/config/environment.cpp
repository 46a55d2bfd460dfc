#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/config/environment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace batchwright::config {
namespace {

std::string trimmed(std::string text)
{
  constexpr std::string_view space = " \t\r\n";
  text.erase(text.find_last_not_of(space) + 1);
  text.erase(0, std::min(text.find_first_not_of(space), text.size()));
  return text;
}

/// A name that leads to nothing is not shown: it may be the key itself, put into the wrong variable.
std::string key_in(const std::filesystem::path& file)
{
  std::error_code trouble;
  if (std::filesystem::exists(file, trouble)) return trimmed(read_file(file));
  throw Error{Fault::storage,
              fmt::format("the file that OPENAI_API_KEY_FILE names cannot be read: {}",
                          trouble ? trouble.message() : "there is none"),
              "set OPENAI_API_KEY_FILE to the path of a file that holds the key, or OPENAI_API_KEY to the key itself"};
}

std::string key_text(const Variables& variables)
{
  if (auto key = trimmed(variables("OPENAI_API_KEY")); !key.empty()) return key;
  if (const auto file = variables("OPENAI_API_KEY_FILE"); !file.empty()) return key_in(file);
  if (const auto directory = variables("CREDENTIALS_DIRECTORY"); !directory.empty()) {
    const auto file = std::filesystem::path{directory} / "openai-api-key";
    if (std::filesystem::exists(file)) return trimmed(read_file(file));
  }
  return {};
}

} // namespace

Variables process_variables()
{
  return [](const char* name) {
    const char* value = std::getenv(name);
    return std::string{value ? value : ""};
  };
}

Account read_account(const Variables& variables, std::string_view default_base_url)
{
  Account account{trimmed(variables("OPENAI_BASE_URL")), trimmed(variables("OPENAI_ORG_ID")),
                  trimmed(variables("OPENAI_PROJECT_ID"))};
  if (account.base_url.empty()) account.base_url = default_base_url;
  while (account.base_url.ends_with('/'))
    account.base_url.pop_back();
  return account;
}

Secret read_key(const Variables& variables)
{
  auto key = key_text(variables);
  if (key.empty()) {
    throw Error{Fault::auth, "no API key",
                "set OPENAI_API_KEY, or OPENAI_API_KEY_FILE to a file that holds it; to rehearse without one, start "
                "`batchwright emulator` and set OPENAI_BASE_URL to the address it prints, with any key"};
  }
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!printable) {
    throw Error{Fault::config, "the API key holds a character that cannot stand in an HTTP header",
                "look at OPENAI_API_KEY: a space, a line break or a non-ASCII character got into it"};
  }
  return Secret{std::move(key)};
}

std::string account_name(const Account& account, const Secret& key)
{
  if (!account.organization.empty() || !account.project.empty()) {
    return fmt::format("{}|{}|{}", account.base_url, account.organization, account.project);
  }
  Sha256 sha;
  sha.update("batchwright account\n"); // a plain digest of a key could be looked up in a table
  sha.update(key.reveal());
  return fmt::format("{}|key {}", account.base_url, sha.hex().substr(0, 16));
}

std::filesystem::path state_root(const std::string& home, const Variables& variables)
{
  if (!home.empty()) return std::filesystem::absolute(home);
  if (const auto own = variables("BATCHWRIGHT_HOME"); !own.empty()) return std::filesystem::absolute(own);
  if (const auto state = variables("XDG_STATE_HOME"); !state.empty()) {
    return std::filesystem::absolute(state) / "batchwright";
  }
  const auto user = variables("HOME");
  if (user.empty()) {
    throw Error{Fault::config, "no place for the jobs: neither HOME nor XDG_STATE_HOME is set",
                "give one with --home DIR or BATCHWRIGHT_HOME"};
  }
  return std::filesystem::path{user} / ".local/state/batchwright";
}

} // namespace batchwright::config
