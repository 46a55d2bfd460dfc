#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/config/job_file.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using config::JobSetting;
using tests::FreshDirectory;

namespace {

Error error_of(const std::string& path)
{
  try {
    config::read_job_file(path);
  } catch (const Error& e) {
    return e;
  }
  return {Fault::bug, "nothing was thrown"};
}

} // namespace

TEST_SUITE_BEGIN("config::job_file");

TEST_CASE("settings come in the order of the file, each with its form and line")
{
  const FreshDirectory dir;
  const auto settings = config::read_job_file(dir.file("j.toml", R"(yes = true
model = "gpt-5.4-mini"

skip-bad = 1_000
inputs = ["b", 'a\n']
prompt = """
two
lines"""
[set]
stop = ["é", {a = 1.5}]
n = 2
on = false
)"));
  using Form = JobSetting::Form;
  REQUIRE(settings.size() == 6);
  CHECK(settings[0].key == "yes");
  CHECK(settings[0].form == Form::boolean);
  CHECK(settings[0].values == std::vector<std::string>{"true"});
  CHECK(settings[1].form == Form::text);
  CHECK(settings[2].form == Form::number);
  CHECK(settings[2].values == std::vector<std::string>{"1000"});
  CHECK(settings[2].line == 4);
  CHECK(settings[3].form == Form::list);
  CHECK(settings[3].values == std::vector<std::string>{"b", "a\\n"});
  CHECK(settings[4].values == std::vector<std::string>{"two\nlines"});
  CHECK(settings[5].key == "set");
  CHECK(settings[5].form == Form::table);
  CHECK(settings[5].values == std::vector<std::string>{"n=2", "on=false", R"(stop=["é",{"a":1.5}])"});
}

TEST_CASE("what is not TOML, or no value of an option, is refused with file and line")
{
  const FreshDirectory dir;
  for (const auto* text : {"a = 1\nb = \n", "a = 1\nb = 2026-11-22\n", "a = 1\nb = inf\n", "a = 1\nb = [[1]]\n",
                           "a = 1\na = 2\n", "a = 1\nb = \"\xff\"\n"}) {
    CAPTURE(text);
    const auto path = dir.file("j.toml", text).native();
    const auto e = error_of(path);
    CHECK(e.fault() == Fault::usage);
    REQUIRE(e.place());
    CHECK(e.place()->file == path);
    CHECK(e.place()->line == 2);
  }
  CHECK(error_of((dir / "gone.toml").native()).fault() == Fault::storage);
  CHECK(config::read_job_file(dir.file("j.toml", "")).empty());
}

TEST_SUITE_END();
