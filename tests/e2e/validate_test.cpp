// `validate` as a user and a script see it: what it prints, what it returns, what it needs.

#include "tests/support/fresh_directory.hpp"
#include "tests/support/program.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;
using tests::FreshDirectory;
using tests::run;
using tests::Words;

namespace {

std::string line(const std::string& id)
{
  return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/responses","body":{{"model":"m","input":"x"}}}})",
                     id) +
         "\n";
}

std::size_t count(const std::string& text, std::string_view part)
{
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++n;
  return n;
}

} // namespace

TEST_SUITE_BEGIN("e2e::validate");

TEST_CASE("a good file ends with 0, without a key, a server or a state directory")
{
  const FreshDirectory dir;
  const auto file = dir.file("good.jsonl", line("a") + line("b")).native();
  const auto home = (dir / "home").native();
  const auto text = run({"validate", file, "--home", home}, {});
  CHECK(text.exit == 0);
  CHECK(text.out.ends_with("; model m; endpoint /v1/responses; valid\n"));
  CHECK(text.err == "");
  const auto json = run({"validate", file, "--home", home, "--json"}, {});
  CHECK(json.exit == 0);
  CHECK(json.out == fmt::format(R"({{"file":"{}","valid":true,"requests":2,"bytes":{},"parts":1,"models":["m"],)"
                                R"("endpoints":["/v1/responses"],"problems":[]}})"
                                "\n",
                                file, 2 * line("a").size()));
  CHECK_FALSE(std::filesystem::exists(dir / "home"));
}

TEST_CASE("a bad file ends with 65: the first of each kind in text, all of them in JSON")
{
  const FreshDirectory dir;
  std::string bad;
  for (int n = 0; n < 50; ++n)
    bad += line("same");
  const auto file = dir.file("bad.jsonl", bad).native();
  const auto text = run({"validate", file}, {});
  CHECK(text.exit == 65);
  CHECK(text.out.starts_with(file + ":2: the custom_id `same` stands on line 1 already\n"));
  CHECK(count(text.out, "stands on line 1 already") == 20);
  CHECK(text.out.find("and 29 more of duplicate_custom_id\n") != std::string::npos);
  CHECK(text.out.ends_with("; 49 problems\n"));
  const auto json = run({"validate", file, "--json"}, {});
  CHECK(json.exit == 65);
  json::Document document;
  REQUIRE(document.parse(json.out));
  CHECK(document.root().find("valid")->boolean() == false);
  CHECK(document.root().find("problems")->elements().size() == 49);
  CHECK(document.root().find("problems")->elements()[48].find("line")->integer() == 50);
}

TEST_CASE("each file is looked at, and the graver end is the command's")
{
  const FreshDirectory dir;
  const auto good = dir.file("good.jsonl", line("a")).native();
  const auto bad = dir.file("bad.jsonl", "[]\n").native();
  const auto none = (dir / "none.jsonl").native();
  const auto two = run({"validate", bad, good, "--json"}, {});
  CHECK(two.exit == 65);
  CHECK(count(two.out, "\n") == 2);
  const auto three = run({"validate", none, bad, good}, {});
  CHECK(three.exit == 74);
  CHECK(three.err.find(none) != std::string::npos);
  CHECK(three.out.find("1 problem\n") != std::string::npos);
  CHECK(three.out.find("; valid\n") != std::string::npos);
  CHECK(run({"validate", dir.path().native()}, {}).exit == 74);
  CHECK(run({"validate", "-"}, {}).exit == 64);
  CHECK(run({"validate"}, {}).exit == 64);
}

#ifdef __SANITIZE_ADDRESS__ // which keeps freed memory for a while
constexpr bool tells_memory = false;
#else
constexpr bool tells_memory = true;
#endif

TEST_CASE("memory grows with neither the size of a file nor the number of its problems" * doctest::skip(!tells_memory))
{
  const FreshDirectory dir;
  std::string many;
  for (int n = 0; n < 300'000; ++n)
    many += line(fmt::format("{:0>100}", n)) + "[]\n";
  const auto file = dir.file("many.jsonl", many).native();
  const auto small = run({"validate", dir.file("one.jsonl", line("a")).native(), "--json"}, {});
  const auto large = run({"validate", file, "--json"}, {});
  CHECK(large.exit == 65);
  CHECK(large.peak_kib - small.peak_kib < 16 * 1024); // 16 bytes a line are 4.6 MiB
}

TEST_SUITE_END();
