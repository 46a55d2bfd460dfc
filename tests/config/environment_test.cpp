#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/config/environment.hpp>

#include <doctest/doctest.h>

#include <map>

using namespace batchwright;
using namespace batchwright::config;

namespace {

Variables having(std::map<std::string, std::string> values)
{
  return [values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string{} : found->second;
  };
}

} // namespace

TEST_SUITE_BEGIN("config::environment");

TEST_CASE("the key comes from its variable, else from the file, else from the credentials, without space around it")
{
  const tests::FreshDirectory dir;
  const auto file = dir.file("key", "sk-file\n").native();
  dir.file("openai-api-key", " sk-credential\r\n");
  const auto directory = dir.path().native();
  CHECK(read_key(having({{"OPENAI_API_KEY", " sk-own\n"}, {"OPENAI_API_KEY_FILE", file}})).reveal() == "sk-own");
  CHECK(read_key(having({{"OPENAI_API_KEY_FILE", file}, {"CREDENTIALS_DIRECTORY", directory}})).reveal() == "sk-file");
  CHECK(read_key(having({{"CREDENTIALS_DIRECTORY", directory}})).reveal() == "sk-credential");
}

TEST_CASE("no key, or one that cannot stand in a header, is told with what to do")
{
  const auto fault = [](const Variables& variables) {
    try {
      read_key(variables);
    } catch (const Error& e) {
      CHECK_FALSE(e.hint().empty());
      CHECK(std::string{e.what()}.find("SECRET") == std::string::npos);
      return e.fault();
    }
    return Fault::bug;
  };
  CHECK(fault(having({})) == Fault::auth);
  CHECK(fault(having({{"OPENAI_API_KEY", " \n"}})) == Fault::auth);
  CHECK(fault(having({{"OPENAI_API_KEY", "sk-SECRET\nsk-SECRET"}})) == Fault::config);
  CHECK(fault(having({{"OPENAI_API_KEY", "sk-SECRET\xc3\xa4"}})) == Fault::config);
}

TEST_CASE("a key where the name of its file belongs is not shown")
{
  for (const auto& value : {std::string{"sk-proj-SECRET"}, "sk-proj-SECRET" + std::string(300, 'x')}) {
    try {
      read_key(having({{"OPENAI_API_KEY_FILE", value}}));
      FAIL_CHECK("accepted");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::storage);
      CHECK(std::string{e.what()}.find("OPENAI_API_KEY_FILE") != std::string::npos);
      CHECK((std::string{e.what()} + e.hint()).find("SECRET") == std::string::npos);
    }
  }
}

TEST_CASE("an account is its endpoint with organisation and project, else with a digest of the key")
{
  const auto account = read_account(having({{"OPENAI_BASE_URL", " https://host/v1// "}}), "https://default/v1");
  CHECK(account.base_url == "https://host/v1");
  CHECK(read_account(having({}), "https://default/v1").base_url == "https://default/v1");
  const auto name = account_name(account, Secret{"sk-SECRET"});
  CHECK(name.find("https://host/v1|key ") == 0);
  CHECK(name.find("SECRET") == std::string::npos);
  CHECK(name != account_name(account, Secret{"sk-other"}));
  const Account project{"https://host/v1", "org-1", "proj-2"};
  CHECK(account_name(project, Secret{"a"}) == "https://host/v1|org-1|proj-2");
  CHECK(account_name(project, Secret{"a"}) == account_name(project, Secret{"b"}));
}

TEST_SUITE_END();
