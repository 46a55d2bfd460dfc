#include "tests/config/settings_fixture.hpp"

#include <batchwright/base/error.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;
using namespace batchwright::config;
using tests::Configured;

TEST_SUITE_BEGIN("config::settings");

TEST_CASE_FIXTURE(Configured,
                  "an option beats a variable, that the profile, that the top of the file, that the default")
{
  write("home = \"/top\"\n\n[profiles.work]\nhome = \"/work\"\n");
  const auto home = [&] {
    const auto settings = loaded();
    return settings["home"].text + " " + settings["home"].origin.words();
  };
  given = {{"home", "/option"}, {"profile", "work"}};
  variables = {{"BATCHWRIGHT_HOME", "/variable"}, {"HOME", "/user"}};
  CHECK(home() == "/option --home");
  given["home"].clear();
  CHECK(home() == "/variable BATCHWRIGHT_HOME");
  variables["BATCHWRIGHT_HOME"].clear();
  CHECK(home() == fmt::format("/work {}:4 (profile work)", file().native()));
  given.clear();
  CHECK(home() == fmt::format("/top {}:1", file().native()));
  write("");
  CHECK(home() == "/user/.local/state/batchwright default");
  variables["XDG_STATE_HOME"] = "/state";
  CHECK(home() == "/state/batchwright XDG_STATE_HOME");
  CHECK(state_root(loaded()) == "/state/batchwright");
  variables = {};
  CHECK_THROWS_AS(state_root(loaded()), Error);
}

TEST_CASE_FIXTURE(Configured, "a profile is chosen by option, variable or the file, in this order")
{
  write("profile = \"c\"\nproject = \"top\"\n[profiles.a]\nproject = \"a\"\n[profiles.b]\nproject = "
        "\"b\"\n[profiles.c]\n");
  const auto project = [&] { return loaded()["project"].text; };
  CHECK(project() == "top");
  variables["BATCHWRIGHT_PROFILE"] = "b";
  CHECK(project() == "b");
  given["profile"] = "a";
  CHECK(project() == "a");
  CHECK(loaded()["profile"].origin.words() == "--profile");
}

TEST_CASE_FIXTURE(Configured, "a profile that is not there is told with who asked for it and what there is")
{
  const auto refusal = [&] {
    try {
      loaded();
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::config);
      return fmt::format("{} | {} | {}", e.what(), e.hint(), e.place() ? e.place()->line : 0);
    }
    return std::string{};
  };
  given["profile"] = "work";
  CHECK(refusal() ==
        fmt::format("there is no profile work (from --profile) | there is none in {} | 0", file().native()));
  write("\nprofile = \"wrok\"\n[profiles.work]\n[profiles.play]\n");
  given.clear();
  CHECK(refusal() == fmt::format("there is no profile wrok (from {}:2) | did you mean work? | 2", file().native()));
  variables["BATCHWRIGHT_PROFILE"] = "something else";
  CHECK(refusal() == "there is no profile something else (from BATCHWRIGHT_PROFILE) | known are: work, play | 0");
}

TEST_CASE_FIXTURE(Configured, "an empty text in a profile takes back what the top says")
{
  write("organization = \"org\"\n[profiles.own]\norganization = \"\"\n");
  CHECK(loaded()["organization"].text == "org");
  given["profile"] = "own";
  CHECK_FALSE(loaded()["organization"].is_set());
}

TEST_CASE_FIXTURE(Configured, "a path in the file is relative to it, or to the user's home; one given otherwise is not")
{
  write("cacert = \"ca.pem\"\nhome = \"~/jobs\"\n");
  variables["HOME"] = "/user";
  CHECK(loaded()["cacert"].text == (dir / "batchwright/ca.pem").native());
  CHECK(loaded()["home"].text == "/user/jobs");
  given["cacert"] = "own.pem";
  CHECK(loaded()["cacert"].text == std::filesystem::absolute("own.pem").native());
}

TEST_CASE_FIXTURE(Configured, "the file is in the user's home where no other place is set, and need not be there")
{
  variables = {{"XDG_CONFIG_HOME", ""}, {"HOME", "/user/nobody"}};
  CHECK(loaded().file == "/user/nobody/.config/batchwright/config.toml");
  variables["HOME"].clear();
  CHECK(loaded().file.empty());
  CHECK(loaded()["base_url"].text == "https://default/v1");
}

TEST_CASE_FIXTURE(Configured, "which variables name the proxy depends on the server, and none shows its password")
{
  write("proxy = \"file:1\"\n");
  const auto proxy = [&] { return loaded()["proxy"].secret.reveal(); };
  CHECK(proxy() == "file:1");
  variables["all_proxy"] = "all:1";
  variables["HTTP_PROXY"] = "http://plain:1";
  CHECK(proxy() == "all:1");
  variables["https_proxy"] = "lower:1";
  CHECK(proxy() == "lower:1");
  variables["HTTPS_PROXY"] = "http://me:SECRET@upper:1";
  CHECK(proxy() == "http://me:SECRET@upper:1");
  CHECK(loaded()["proxy"].text == "http://***@upper:1");
  CHECK(loaded()["proxy"].origin.words() == "HTTPS_PROXY");
  variables["HTTPS_PROXY"] = "me:SEC@RET@upper:1";
  CHECK(loaded()["proxy"].text == "***@upper:1");
  variables["OPENAI_BASE_URL"] = "http://127.0.0.1/v1";
  CHECK(proxy() == "http://plain:1");
}

TEST_CASE_FIXTURE(Configured, "a key is in no value that is shown")
{
  write("api_key = \"sk-SECRET\"\nmodel = \"m\"\n");
  const auto settings = loaded();
  for (const auto& value : settings.values)
    CHECK(value.text.find("SECRET") == std::string::npos);
  CHECK(settings["api_key"].text == "set");
  CHECK(settings["api_key"].origin.words() == file().native() + ":1");
}

TEST_SUITE_END();
