#include "tests/config/settings_fixture.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/config/account.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::config;
using tests::Configured;

TEST_SUITE_BEGIN("config::account");

TEST_CASE_FIXTURE(Configured, "the key comes from its variable, else from a file, else from the credentials, else from "
                              "the profile, else from the top, without space around it")
{
  const auto file = dir.file("key", "sk-file\n").native();
  dir.file("openai-api-key", " sk-credential\r\n");
  dir.file("work.key", "sk-work\n");
  write("api_key = \" sk-top \"\n[profiles.work]\napi_key_file = \"../work.key\"\n[profiles.play]\napi_key = "
        "\"sk-play\"\n");
  variables = {{"OPENAI_API_KEY", " sk-own\n"},
               {"OPENAI_API_KEY_FILE", file},
               {"CREDENTIALS_DIRECTORY", dir.path().native()},
               {"BATCHWRIGHT_PROFILE", "work"}};
  const auto key = [&] { return read_key(loaded()).reveal(); };
  CHECK(key() == "sk-own");
  variables["OPENAI_API_KEY"] = " ";
  CHECK(key() == "sk-file");
  variables.erase("OPENAI_API_KEY_FILE");
  CHECK(key() == "sk-credential");
  variables["CREDENTIALS_DIRECTORY"] = (dir / "none").native();
  CHECK(key() == "sk-work");
  variables["BATCHWRIGHT_PROFILE"] = "play";
  CHECK(key() == "sk-play");
  variables.erase("BATCHWRIGHT_PROFILE");
  CHECK(key() == "sk-top");
}

TEST_CASE_FIXTURE(Configured, "no key, or one that cannot stand in a header, is told with what to do")
{
  const auto fault = [&](const std::string& key) {
    variables["OPENAI_API_KEY"] = key;
    try {
      read_key(loaded());
    } catch (const Error& e) {
      CHECK_FALSE(e.hint().empty());
      CHECK(std::string{e.what()}.find("SECRET") == std::string::npos);
      return e.fault();
    }
    return Fault::bug;
  };
  CHECK(fault("") == Fault::auth);
  CHECK(fault(" \n") == Fault::auth);
  CHECK(fault("sk-SECRET\nsk-SECRET") == Fault::config);
  CHECK(fault("sk-SECRET\xc3\xa4") == Fault::config);
}

TEST_CASE_FIXTURE(Configured,
                  "the admin key is its own: from its variable, else from the file, and none is told with what to do")
{
  variables = {{"OPENAI_API_KEY", "sk-usual"}};
  try {
    read_admin_key(loaded());
    FAIL_CHECK("found one");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::auth);
    CHECK(e.hint().find("OPENAI_ADMIN_KEY") != std::string::npos);
  }
  write("admin_key = \"sk-SECRET-top\"\n");
  CHECK(read_admin_key(loaded()).reveal() == "sk-SECRET-top");
  variables["OPENAI_ADMIN_KEY"] = " sk-SECRET-own\n";
  CHECK(read_admin_key(loaded()).reveal() == "sk-SECRET-own");
  CHECK(loaded()["admin_key"].text == "set");
  CHECK(read_key(loaded()).reveal() == "sk-usual");
  variables["OPENAI_ADMIN_KEY"] = "sk-SECRET\nx";
  try {
    read_admin_key(loaded());
    FAIL_CHECK("accepted");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::config);
    CHECK(std::string{e.what()}.find("OPENAI_ADMIN_KEY") != std::string::npos);
    CHECK(std::string{e.what()}.find("SECRET") == std::string::npos);
  }
}

TEST_CASE_FIXTURE(Configured, "a key where the name of its file belongs is not shown")
{
  const auto check_refused = [&](const char* name) {
    const auto settings = loaded();
    CHECK(settings["api_key_file"].text.find("SECRET") == std::string::npos);
    try {
      read_key(settings);
      FAIL_CHECK("accepted");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::storage);
      CHECK(std::string{e.what()}.find(name) != std::string::npos);
      CHECK((std::string{e.what()} + e.hint()).find("SECRET") == std::string::npos);
    }
  };
  for (const auto& value : {std::string{"sk-proj-SECRET"}, "sk-proj-SECRET" + std::string(300, 'x')}) {
    variables["OPENAI_API_KEY_FILE"] = value;
    check_refused("OPENAI_API_KEY_FILE");
  }
  variables.clear();
  write("api_key_file = \"sk-proj-SECRET\"\n");
  check_refused("config.toml:1");
}

TEST_CASE_FIXTURE(Configured, "an account is its endpoint with organisation and project, else with a digest of the key")
{
  CHECK(read_account(loaded()).base_url == "https://default/v1");
  variables["OPENAI_BASE_URL"] = " https://host/v1// ";
  const auto account = read_account(loaded());
  CHECK(account.base_url == "https://host/v1");
  const auto name = account_name(account, Secret{"sk-SECRET"});
  CHECK(name.find("https://host/v1|key ") == 0);
  CHECK(name.find("SECRET") == std::string::npos);
  CHECK(name != account_name(account, Secret{"sk-other"}));
  const Account project{"https://host/v1", "org-1", "proj-2"};
  CHECK(account_name(project, Secret{"a"}) == "https://host/v1|org-1|proj-2");
  CHECK(account_name(project, Secret{"a"}) == account_name(project, Secret{"b"}));
}

TEST_SUITE_END();
