// Settings from the file, the environment and options, as a user meets them; proxies on the way.

#include "tests/support/answers.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/fresh_directory.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scripted_server.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;
using tests::FreshDirectory;
using tests::Peer;
using tests::Rehearsal;
using tests::ScriptedServer;
using tests::Words;

namespace {

constexpr auto owner_only = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;

/// A user with a configuration file.
struct User {
  FreshDirectory dir = {};
  tests::Environment environment = {{"HOME", dir.path().native()}};

  std::filesystem::path file() const { return dir / ".config/batchwright/config.toml"; }

  void configure(const std::string& text, std::filesystem::perms access = owner_only) const
  {
    std::filesystem::create_directories(file().parent_path());
    dir.file(".config/batchwright/config.toml", text);
    std::filesystem::permissions(file(), access);
  }

  tests::Ended operator()(const Words& words) const { return tests::run(words, environment); }
  Words submit(const Words& more = {}) const
  {
    Words words{"submit", dir.file("a.csv", "text\nhello\n").native(), "--prompt", "Repeat: {{text}}"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

bool holds(const std::string& text, std::string_view part)
{
  return text.find(part) != std::string::npos;
}

/// "VALUE ORIGIN" of one setting in `config --json`.
std::string shown(const std::string& out, std::string_view name)
{
  json::Document doc;
  REQUIRE(doc.parse(out));
  for (const auto& value : doc.root().find("values")->elements()) {
    if (value.find("name")->text() == name) {
      return fmt::format("{} {}", value.find("value")->raw(), value.find("origin")->text().value());
    }
  }
  return {};
}

/// "EXIT LINE" of an error told with --json, after a look at its file.
std::string fault(const tests::Ended& ended, const std::filesystem::path& file)
{
  CAPTURE(ended.err);
  json::Document doc;
  REQUIRE(doc.parse(ended.err));
  const auto error = doc.root().find("error").value();
  CHECK(error.find("exit_code")->integer() == ended.exit);
  CHECK(error.find("file")->text() == file.native());
  return fmt::format("{} {}", ended.exit, error.find("line")->raw());
}

std::string model_of(const tests::Ended& dry)
{
  CAPTURE(dry.err);
  json::Document doc;
  REQUIRE(doc.parse(dry.out));
  return doc.root().find("model")->text().value_or("");
}

} // namespace

TEST_SUITE_BEGIN("e2e::config");

TEST_CASE_FIXTURE(User, "config shows every value with its origin, and never the key")
{
  configure("model = \"gpt-5.4-mini\"\nmax_attempts = 5\n[profiles.work]\napi_key = \"sk-SECRET\"\nhome = \"jobs\"\n");
  environment["OPENAI_PROJECT_ID"] = "proj-1";
  environment["HTTPS_PROXY"] = "http://me:SECRET@proxy.test:3128";
  const auto told = (*this)({"config", "--profile", "work", "--json"});
  CAPTURE(told.err);
  REQUIRE(told.exit == 0);
  CHECK_FALSE(holds(told.out + told.err, "SECRET"));
  CHECK(told.out.starts_with(fmt::format(R"({{"schema":1,"file":"{}","profile":"work","values":[)", file().native())));
  CHECK(shown(told.out, "profile") == R"("work" --profile)");
  CHECK(shown(told.out, "model") == fmt::format(R"("gpt-5.4-mini" {}:1)", file().native()));
  CHECK(shown(told.out, "max_attempts") == fmt::format("5 {}:2", file().native()));
  CHECK(shown(told.out, "api_key") == fmt::format(R"("set" {}:4 (profile work))", file().native()));
  CHECK(shown(told.out, "home") ==
        fmt::format(R"("{}" {}:5 (profile work))", (file().parent_path() / "jobs").native(), file().native()));
  CHECK(shown(told.out, "project") == R"("proj-1" OPENAI_PROJECT_ID)");
  CHECK(shown(told.out, "proxy") == R"("http://***@proxy.test:3128" HTTPS_PROXY)");
  CHECK(shown(told.out, "base_url") == R"("https://api.openai.com/v1" default)");
  CHECK(shown(told.out, "fallback") == "null default"); // it follows from the mode
  CHECK(shown(told.out, "allow_http") == "false default");
  CHECK(shown(told.out, "max_output_tokens") == "null default");

  const auto text = (*this)({"config", "--profile", "work"});
  CHECK_FALSE(holds(text.out, "SECRET"));
  CHECK(holds(text.out, fmt::format("file  {}\n\n  name ", file().native())));
  CHECK(holds(text.out, "\n  project            proj-1 "));
}

TEST_CASE_FIXTURE(User, "config needs neither a file nor a key, and leaves nothing")
{
  const auto told = (*this)({"config"});
  CHECK(told.exit == 0);
  CHECK(holds(told.out, "config.toml (not there)"));
  CHECK(holds(told.out, "\n  api_key            -  "));
  CHECK(std::filesystem::is_empty(dir.path()));
  CHECK(shown(tests::run({"config", "--json"}, {}).out, "home") == "null default");
}

TEST_CASE_FIXTURE(User,
                  "prices.json beside the file, or the one that it names, goes before the built-in prices, and shows")
{
  configure("");
  const auto table = [](int input) {
    return fmt::format(R"({{"as_of":"2099-12-31","models":[{{"model":"mine","standard":{{"input":{},"output":1}}}}]}})",
                       input);
  };
  const auto beside = dir.file(".config/batchwright/prices.json", table(5'000));
  const auto dry = [&](const std::string& model) {
    return (*this)(submit({"--dry-run", "--model", model, "--max-output-tokens", "1", "--mode", "realtime"})).err;
  };
  CHECK(holds(dry("mine"), "(prices of 2099-12-31)"));
  CHECK_FALSE(holds(dry("gpt-5.4-mini"), "2099")); // the built-in ones are of their own day
  CHECK(shown((*this)({"config", "--json"}).out, "prices") == fmt::format(R"("{}" default)", beside.native()));
  const auto usual = dry("mine");
  const auto named = dir.file("other.json", table(9'000));
  configure(fmt::format("prices = '{}'\n", named.native()));
  CHECK(dry("mine") != usual);
  CHECK(shown((*this)({"config", "--json"}).out, "prices") ==
        fmt::format(R"("{}" {}:1)", named.native(), file().native()));

  configure("");
  dir.file(".config/batchwright/prices.json", "{");
  const auto broken = (*this)(submit({"--dry-run", "--model", "mine"}));
  CHECK(broken.exit == 78);
  CHECK(holds(broken.err, beside.native()));
}

TEST_CASE_FIXTURE(User, "a job takes everything from the profile, and options come first")
{
  const Rehearsal world{dir.path()};
  const auto url = world.environment().at("OPENAI_BASE_URL");
  configure(fmt::format("model = \"gpt-5.4-mini\"\nmax_output_tokens = 64\n[profiles.local]\nbase_url = \"{}\"\n"
                        "api_key = \"rehearsal\"\nhome = \"~/jobs\"\n",
                        url));
  environment["BATCHWRIGHT_PROFILE"] = "local";
  CHECK(model_of((*this)(submit({"--dry-run", "--json"}))) == "gpt-5.4-mini");
  CHECK(model_of((*this)(submit({"--dry-run", "--json", "--model", "gpt-5.4"}))) == "gpt-5.4");
  CHECK(holds((*this)(submit({"--dry-run"})).err, "at most 64 out"));
  CHECK(holds((*this)(submit({"--dry-run", "--max-output-tokens", "32"})).err, "at most 32 out"));
  auto words = submit({"--yes", "--every", "50ms", "-o", (dir / "out.jsonl").native()});
  words[0] = "run";
  const auto run = (*this)(words);
  CAPTURE(run.err);
  CHECK(run.exit == 0);
  CHECK(world.ledger("uploads") == 1);
  CHECK(std::filesystem::exists(dir / "jobs/state.db"));
  CHECK((*this)({"status", "a"}).exit == 0);
  const auto other = (*this)({"status", "a", "--home", (dir / "elsewhere").native()});
  CHECK(other.exit == 64);
}

TEST_CASE_FIXTURE(User, "a default gives way where the job says it otherwise or has no place for it")
{
  configure("model = \"gpt-5.4-mini\"\nmax_output_tokens = 64\n");
  const auto dry = [&](const Words& more) {
    Words words{"submit", dir.file("a.csv", "text\nhello\n").native(), "--dry-run", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return model_of((*this)(words));
  };
  const auto own = dir.file("own.json", R"({"model":"gpt-5.4","messages":[{"role":"user","content":"{{text}}"}]})");
  const auto none = dir.file("none.json", R"({"messages":[{"role":"user","content":"{{text}}"}]})");
  CHECK(dry({"--body", own.native()}) == "gpt-5.4");
  CHECK(dry({"--body", none.native()}) == "gpt-5.4-mini");
  CHECK(dry({"--prompt", "{{text}}", "--set", "max_completion_tokens=5"}) == "gpt-5.4-mini");
  CHECK(dry({"--prompt", "{{text}}", "--endpoint", "embeddings", "--model", "text-embedding-3-small"}) ==
        "text-embedding-3-small");
}

TEST_CASE_FIXTURE(User, "what is wrong in the file is exit 78 with its line, before anything is sent")
{
  const Rehearsal world{dir.path()};
  environment = world.environment();
  const auto refused = [&](const std::string& text, std::filesystem::perms access = owner_only) {
    configure(text, access);
    return fault((*this)(submit({"--yes", "--json", "--model", "gpt-5.4-mini"})), file());
  };
  CHECK(refused("\nmodle = 'x'\n") == "78 2");
  CHECK(refused("max_attempts = 'x'\n") == "78 1");
  CHECK(refused("profile = 'x'\n") == "78 1");
  CHECK(refused("model = \n") == "78 1");
  CHECK(refused("api_key = 'sk-x'\n", owner_only | std::filesystem::perms::group_read) == "78 1");
  // What the options would refuse.
  CHECK(refused("# \nfallback = 'x'\n") == "78 2");
  CHECK(refused("max_attempts = 101\n") == "78 1");
  CHECK(refused("requests_per_part = 50001\n") == "78 1");
  CHECK(refused("max_output_tokens = 0\n") == "78 1");
  configure("fallback = 'x'\n");
  CHECK((*this)({"config"}).exit == 78);
  CHECK((*this)(submit({"--dry-run", "--model", "gpt-5.4-mini", "--fallback", "none"})).exit == 0);
  CHECK(world.ledger("uploads") == 0);
  CHECK_FALSE(std::filesystem::exists(dir / "home"));
}

TEST_CASE_FIXTURE(User, "what cannot be used is exit 78 with where it was set, before anything is sent")
{
  environment["OPENAI_API_KEY"] = "sk-test-key";
  const auto refused = [&](const Words& more = {}) {
    auto words = submit({"--yes", "--model", "gpt-5.4-mini"});
    words.insert(words.end(), more.begin(), more.end());
    const auto ended = (*this)(words);
    CHECK(ended.exit == 78);
    return ended.err;
  };
  CHECK(holds(refused({"--profile", "x"}), "there is no profile x (from --profile)"));
  CHECK(holds(refused({"--cacert", (dir / "none.pem").native()}), "none.pem"));
  CHECK(holds(refused({"--cacert", dir.file("no.pem", "text").native()}), "(from --cacert)"));
  CHECK(holds(refused({"--cacert", dir.path().native()}), "it is a directory"));
  environment["SSL_CERT_FILE"] = (dir / "none.pem").native();
  CHECK(holds(refused(), "(from SSL_CERT_FILE)"));
  environment.erase("SSL_CERT_FILE");
  environment["ALL_PROXY"] = "socks5://me:SECRET@host";
  CHECK(holds(refused(), "SOCKS proxies are not supported (from ALL_PROXY)"));
  CHECK_FALSE(holds(refused(), "SECRET"));
  environment.erase("ALL_PROXY");
  configure("base_url = 'http://api.example.test/v1'\n");
  CHECK(holds(refused(), "config.toml:1)"));
  CHECK(holds(refused(), "allow_http = true"));
  CHECK_FALSE(std::filesystem::exists(dir / ".local"));
}

TEST_CASE_FIXTURE(User, "allow_http lets plain http leave this machine, by way of the proxy of plain http")
{
  ScriptedServer proxy{{[](Peer& peer) {
    peer.read_request();
    peer.answer(401, R"({"error":{"message":"no","type":"invalid_request_error","code":"invalid_api_key"}})",
                "Connection: close\r\n");
  }}};
  configure("base_url = 'http://api.example.test/v1'\nallow_http = true\napi_key = 'sk-test-key'\n");
  environment["HTTP_PROXY"] = fmt::format("127.0.0.1:{}", proxy.port());
  const auto ended = (*this)(submit({"--yes", "--model", "gpt-5.4-mini"}));
  CAPTURE(ended.err);
  CHECK(ended.exit == 4);
  REQUIRE(proxy.requests().size() >= 1);
  CHECK(proxy.requests()[0].starts_with("POST http://api.example.test/v1/files HTTP/1.1\r\n"));
}

TEST_CASE_FIXTURE(User, "a proxy that refuses the way to a call leaves no doubt: it was not sent, and is sent later")
{
  const tests::Authority authority{dir.path()};
  std::size_t batches = 0;
  const auto serve = [&](Peer& peer) {
    for (auto request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      if (request.starts_with("POST /v1/files")) {
        const auto begin = request.find("{\"custom_id\"");
        const auto bytes = request.find("\r\n--", begin) - begin;
        peer.answer(200, fmt::format(R"({{"id":"file-1","object":"file","bytes":{},"created_at":1}})", bytes),
                    "Connection: close\r\n");
        return;
      }
      batches += request.starts_with("POST /v1/batches") ? 1 : 0;
      peer.answer(400, R"({"error":{"message":"no such thing","type":"invalid_request_error","code":"x"}})");
    }
  };
  ScriptedServer server{{serve, serve, serve}, authority.vouch_for("DNS:api.example.test")};
  const auto lead = [&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    peer.tunnel_to(server.port());
  };
  const auto refuse = [](Peer& peer) {
    peer.read_head();
    peer.answer(403, "<html>");
  };
  ScriptedServer proxy{{lead, refuse, refuse, refuse, refuse, refuse, refuse, refuse, refuse}};
  environment["OPENAI_BASE_URL"] = "https://api.example.test/v1";
  environment["OPENAI_API_KEY"] = "sk-test-key";
  environment["HTTPS_PROXY"] = fmt::format("http://127.0.0.1:{}", proxy.port());
  const auto ended = (*this)(submit({"--yes", "--model", "gpt-5.4-mini", "--cacert", authority.ca_file()}));
  CAPTURE(ended.err);
  CHECK(ended.exit == 75);
  CHECK(holds(ended.err, "it refused the way (HTTP 403)"));
  const auto status = (*this)({"status", "a", "--offline", "--json"});
  CAPTURE(status.out);
  CHECK(holds(status.out, R"("reason":null)"));
  CHECK(holds(status.out, R"("state":"queued")"));
  CHECK(batches == 0);
}

TEST_SUITE_END();
