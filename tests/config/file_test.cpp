#include "tests/config/settings_fixture.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/config/file.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <unistd.h>

using namespace batchwright;
using namespace batchwright::config;
using tests::Configured;

namespace {

/// "LINE: message | hint" of the refusal.
std::string refusal(const std::filesystem::path& file)
{
  try {
    read_settings_file(file);
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::config);
    REQUIRE(e.place());
    CHECK(e.place()->file == file.native());
    return fmt::format("{}: {} | {}", e.place()->line, e.what(), e.hint());
  }
  return "accepted";
}

} // namespace

TEST_SUITE_BEGIN("config::file");

TEST_CASE_FIXTURE(Configured, "keys are read with their profile and line, each kind as the text an option would take")
{
  write("# all\r\nmodel = \"a \\u00e4 \\\"b\\\"\"\nmax_attempts = 5\n\n[profiles.work]\nkeep_requests = true\n"
        "[profiles.\"a b\"]\nproject = 'x'\n[profiles.empty]\n");
  const auto read = read_settings_file(file());
  REQUIRE(read.entries.size() == 4);
  const auto entry = [&](std::size_t i) {
    const auto& e = read.entries[i];
    return fmt::format("{}|{}|{}|{}", e.line, e.profile, e.name, e.value.reveal());
  };
  CHECK(entry(0) == "2||model|a \xc3\xa4 \"b\"");
  CHECK(entry(1) == "3||max_attempts|5");
  CHECK(entry(2) == "6|work|keep_requests|true");
  CHECK(entry(3) == "8|a b|project|x");
  REQUIRE(read.profiles.size() == 3);
  CHECK(read.profiles[2].name == "empty");
}

TEST_CASE_FIXTURE(Configured, "every row of the table can be set, in a profile too but for the choice of one")
{
  std::string text;
  for (const auto& setting : table()) {
    const auto* value = setting.kind == Kind::flag ? "true" : setting.kind == Kind::number ? "7" : "'x'";
    text += fmt::format("{} = {}\n", setting.name, value);
  }
  const auto inner = text.substr(text.find('\n') + 1);
  write(text + "[profiles.x]\n" + inner);
  CHECK(read_settings_file(file()).entries.size() == 2 * table().size() - 1);
  CHECK(loaded()["max_attempts"].text == "7");
}

TEST_CASE_FIXTURE(Configured, "a file that is not there sets nothing, one that cannot be read is refused")
{
  CHECK(read_settings_file(dir / "none").entries.empty());
  CHECK(read_settings_file(dir / "none/at/all").entries.empty());
  CHECK(refusal(dir.path()).starts_with("0: "));
  write("");
  CHECK(read_settings_file(file()).entries.empty());
  if (::geteuid() == 0) return; // may read everything
  std::filesystem::permissions(file(), std::filesystem::perms::none);
  CHECK(refusal(file()).find("Permission denied") != std::string::npos);
}

TEST_CASE_FIXTURE(Configured, "what is wrong in the file is told with its line")
{
  const auto refused = [&](const std::string& text) {
    write(text);
    return refusal(file());
  };
  CHECK(refused("\nmodle = 'x'\n") == "2: unknown key `modle` | did you mean `model`?");
  CHECK(refused("[profile.work]\nmodel = 'x'\n") == "1: `profile`: expected a text in quotes, on one line | ");
  CHECK(refused("[profils.work]\nmodel = 'x'\n") == "1: unknown key `profils` | did you mean `profile`?");
  CHECK(refused("[profiles.work]\nbaseurl = 'x'\n") == "2: unknown key `baseurl` | did you mean `base_url`?");
  CHECK(refused("temperature = 1\n").starts_with("1: unknown key `temperature` | known are: profile, home, api_key,"));
  CHECK(refused("a.b = 1\n").starts_with("1: unknown key `a` | "));
  CHECK(refused("allow_http = 'yes'\n") == "1: `allow_http`: expected true or false | ");
  CHECK(refused("max_attempts = '3'\n") == "1: `max_attempts`: expected a whole number, not negative | ");
  CHECK(refused("max_attempts = -3\n") == "1: `max_attempts`: expected a whole number, not negative | ");
  CHECK(refused("max_attempts = 3.5\n") == "1: `max_attempts`: expected a whole number, not negative | ");
  CHECK(refused("model = 3\n") == "1: `model`: expected a text in quotes, on one line | ");
  CHECK(refused("model = ['a']\n") == "1: `model`: expected a text in quotes, on one line | ");
  CHECK(refused("project = \"a\\nb\"\n") == "1: `project`: expected a text in quotes, on one line | ");
  CHECK(refused("profiles = 1\n").starts_with("1: `profiles` is no value"));
  CHECK(refused("[profiles]\nmodel = 'x'\n").starts_with("2: `model` stands in [profiles], outside a profile"));
  CHECK(refused("[profiles.a]\nprofile = 'b'\n").starts_with("2: `profile` cannot stand in a profile"));
  CHECK(refused("[profiles.'']\nmodel = 'b'\n").starts_with("1: a profile without a name"));
  CHECK(refused("zzzzz = 1\n[profiles.a]\nyyyyy = 1\n").starts_with("1: unknown key `zzzzz`"));
  CHECK(refused("\n\nmodel = x\n").starts_with("3: Error while parsing"));
  CHECK(refused("model = 'x'\nmodel = 'y'\n").starts_with("2: "));
  CHECK(refused("model = '\xff'\n").starts_with("1: "));
}

TEST_CASE_FIXTURE(Configured, "no refusal shows what may be a key")
{
  for (const auto* text : {"api_key = sk-SECRET\n", "api_key = 'sk-SECRET\n", "api_key = [ 'sk-SECRET' ]\n",
                           "sk-SECRET\n", "api_key = \"sk-SECRET\\q\"\n", "api_kye = 'sk-SECRET'\n",
                           "api_key = 'sk-SECRET'\nx = 1\n", "proxy = 'http://me:SECRET@host'\nx = 1\n"}) {
    CAPTURE(text);
    write(text);
    const auto words = refusal(file());
    CHECK(words != "accepted");
    CHECK(words.find("SECRET") == std::string::npos);
  }
}

TEST_CASE_FIXTURE(Configured, "a file with a key or a password in it must be its owner's alone")
{
  using std::filesystem::perms;
  const auto with = [&](const std::string& text, perms more) {
    write(text);
    std::filesystem::permissions(file(), more, std::filesystem::perm_options::add);
    return refusal(file());
  };
  const auto told =
      fmt::format("`api_key` stands in a file that others may read | run `chmod 600 {}`", file().native());
  CHECK(with("model = 'x'\napi_key = 'k'\n", perms::group_read) == "2: " + told);
  CHECK(with("[profiles.a]\napi_key = 'k'\n", perms::others_read) == "2: " + told);
  CHECK(with("proxy = 'http://a:b@host:1'\n", perms::others_read).starts_with("1: `proxy` stands in a file"));
  CHECK(with("api_key = ''\nmodel = 'x'\nproxy = 'host:1'\napi_key_file = 'k'\n", perms::others_read) == "accepted");
  CHECK(with("api_key = 'k'\n", perms::owner_read) == "accepted");
}

TEST_CASE("the nearest word is a few letters away at most")
{
  CHECK(nearest("modle", {"profile", "model", "project"}) == "model");
  CHECK(nearest("max-attempts", {"max_attempts"}) == "max_attempts");
  CHECK(nearest("temperature", {"profile", "model"}).empty());
  CHECK(nearest("", {}).empty());
}

TEST_SUITE_END();
