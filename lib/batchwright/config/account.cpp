#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/config/account.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace batchwright::config {
namespace {

/// A name that leads to nothing is not shown: it may be the key itself, put into the wrong place.
std::string key_in(const Value& value)
{
  const auto& file = value.secret.reveal();
  std::error_code trouble;
  if (std::filesystem::exists(file, trouble)) return read_file(file);
  const auto name = value.origin.from == Origin::From::file ? "api_key_file" : value.origin.name;
  throw blame(
      Error{
          Fault::storage,
          fmt::format("the file that {} names cannot be read: {}", name, trouble ? trouble.message() : "there is none"),
          fmt::format("set {} to the path of a file that holds the key, or OPENAI_API_KEY to the key itself", name)},
      value);
}

/// The key, where it can stand in a header. `value` is where it came from.
Secret checked(std::string key, std::string_view called, const Value& value)
{
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (printable) return Secret{std::move(key)};
  throw blame(Error{Fault::config, fmt::format("the {} holds a character that cannot stand in an HTTP header", called),
                    "a space, a line break or a non-ASCII character got into it"},
              value);
}

} // namespace

Account read_account(const Settings& settings)
{
  Account account{settings["base_url"].text, settings["organization"].text, settings["project"].text};
  while (account.base_url.ends_with('/'))
    account.base_url.pop_back();
  return account;
}

Secret read_key(const Settings& settings)
{
  const auto& given = settings["api_key"];
  const auto& file = settings["api_key_file"];
  auto key = given.is_set() ? given.secret.reveal() : file.is_set() ? trimmed(key_in(file)) : std::string{};
  if (key.empty()) {
    throw Error{Fault::auth, "no API key",
                "set OPENAI_API_KEY, or OPENAI_API_KEY_FILE to a file that holds it; to rehearse without one, start "
                "`batchwright emulator` and set OPENAI_BASE_URL to the address it prints, with any key"};
  }
  return checked(std::move(key), "API key", given.is_set() ? given : file);
}

Secret read_admin_key(const Settings& settings)
{
  const auto& given = settings["admin_key"];
  if (given.is_set()) return checked(given.secret.reveal(), "admin key", given);
  throw Error{Fault::auth, "no admin key, which reading the organisation's usage needs",
              "set OPENAI_ADMIN_KEY; an owner of the organisation makes one at "
              "https://platform.openai.com/settings/organization/admin-keys"};
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

} // namespace batchwright::config
