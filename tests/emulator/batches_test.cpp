#include "tests/emulator/raw_client.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/emulator/answer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

using namespace batchwright;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::batches");

namespace {

int count_of(const Object& batch, const std::string& key)
{
  return batch->getObject("request_counts")->getValue<int>(key);
}

std::string content_of(const Object& line)
{
  return line->getObject("response")
      ->getObject("body")
      ->getArray("choices")
      ->getObject(0)
      ->getObject("message")
      ->getValue<std::string>("content");
}

std::vector<std::string> ids_in(const std::vector<std::string>& lines)
{
  std::vector<std::string> ids;
  for (const auto& line : lines)
    ids.push_back(tests::parsed(line)->getValue<std::string>("custom_id"));
  return ids;
}

/// The codes of a failed batch's errors, each with its line: "invalid_json_line@2".
std::vector<std::string> errors_of(const Object& batch)
{
  std::vector<std::string> codes;
  if (batch->isNull("errors")) return codes;
  const auto data = batch->getObject("errors")->getArray("data");
  for (unsigned i = 0; i < data->size(); ++i) {
    const auto error = data->getObject(i);
    const auto line = error->isNull("line") ? "" : "@" + error->getValue<std::string>("line");
    codes.push_back(error->getValue<std::string>("code") + line);
  }
  return codes;
}

std::vector<std::string> refusals(RawClient& client, const std::string& input)
{
  return errors_of(client.wait_for_status(client.submit(input), "failed"));
}

} // namespace

TEST_CASE("a batch runs to its end, and each answer is the function of its prompt")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto file = client.upload(tests::request_lines(200)).text("id");
  const auto created = client.post(
      "/v1/batches",
      R"({"input_file_id":")" + file +
          R"(","endpoint":"/v1/chat/completions","completion_window":"24h","metadata":{"run":"é","part":"1/4"},)"
          R"("output_expires_after":{"anchor":"created_at","seconds":7200}})");
  REQUIRE(created.status == 200);
  const auto fresh = created.json();
  CHECK(fresh->getValue<std::string>("status") == "validating");
  CHECK(fresh->getValue<std::string>("object") == "batch");
  CHECK(fresh->getObject("metadata")->getValue<std::string>("run") == "é");
  CHECK(count_of(fresh, "total") == 0);
  CHECK(fresh->isNull("errors"));
  CHECK(fresh->isNull("output_file_id"));
  CHECK_FALSE(fresh->has("model"));

  const auto batch = client.wait_for_status(created.text("id"), "completed");
  CHECK(batch->getValue<std::string>("model") == "gpt-5.4-mini-2026-03-17");
  CHECK(batch->getValue<long>("expires_at") - batch->getValue<long>("created_at") == 86'400);
  for (const auto* time : {"in_progress_at", "finalizing_at", "completed_at"})
    CHECK_FALSE(batch->isNull(time));
  for (const auto* time : {"failed_at", "expired_at", "cancelling_at", "cancelled_at"})
    CHECK(batch->isNull(time));
  CHECK(count_of(batch, "total") == 200);
  CHECK(count_of(batch, "completed") == 200);
  CHECK(count_of(batch, "failed") == 0);
  CHECK(batch->isNull("error_file_id"));

  const auto lines = client.lines(batch, "output_file_id");
  REQUIRE(lines.size() == 200);
  std::set<std::string> ids;
  long input_tokens = 0;
  for (const auto& line : lines) {
    const auto object = tests::parsed(line);
    const auto id = object->getValue<std::string>("custom_id");
    ids.insert(id);
    CHECK(object->isNull("error"));
    CHECK(object->getObject("response")->getValue<int>("status_code") == 200);
    CHECK(content_of(object) == emulator::answer_for("text " + id.substr(5)));
    const auto body = object->getObject("response")->getObject("body");
    CHECK(body->getValue<std::string>("object") == "chat.completion");
    CHECK(body->getArray("choices")->getObject(0)->getValue<std::string>("finish_reason") == "stop");
    const auto usage = body->getObject("usage");
    CHECK(usage->getValue<long>("completion_tokens") == emulator::token_count(content_of(object)));
    input_tokens += usage->getValue<long>("prompt_tokens");
  }
  CHECK(ids.size() == 200);
  CHECK(batch->getObject("usage")->getValue<long>("input_tokens") == input_tokens);
  const auto output = client.get("/v1/files/" + batch->getValue<std::string>("output_file_id")).json();
  CHECK(output->getValue<std::string>("purpose") == "batch_output");
  CHECK(output->getValue<long>("expires_at") - output->getValue<long>("created_at") == 7200);
}

TEST_CASE("outputs are shuffled by the seed and by nothing else")
{
  const auto order = [](std::uint64_t seed) {
    auto options = tests::quick();
    options.seed = seed;
    emulator::Server server{options};
    RawClient client{server};
    return ids_in(client.lines(client.run(tests::request_lines(50)), "output_file_id"));
  };
  std::vector<std::string> as_sent;
  for (int i = 0; i < 50; ++i)
    as_sent.push_back("item-" + std::to_string(i));
  const auto seven = order(7);
  CHECK(seven != as_sent);
  CHECK(std::is_permutation(seven.begin(), seven.end(), as_sent.begin(), as_sent.end()));
  CHECK(order(7) == seven);
  CHECK(order(8) != seven);
}

TEST_CASE("validation names every bad line, and only once the batch is created")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  using Codes = std::vector<std::string>;
  const auto good = tests::request_line("a", "x");
  const auto with = [&](const std::string& from, const std::string& to) {
    auto line = tests::request_line("b", "x");
    return good + line.replace(line.find(from), from.size(), to);
  };
  CHECK(refusals(client, good + "{\"custom_id\":\n" + "\n" + "[]\n") ==
        Codes{"invalid_json_line@2", "invalid_json_line@3", "invalid_json_line@4"});
  CHECK(refusals(client, good + tests::request_line("b", "y") + good) == Codes{"duplicate_custom_id@3"});
  CHECK(refusals(client, with("/v1/chat/completions", "/v1/embeddings")) == Codes{"url_mismatch@2"});
  CHECK(refusals(client, with("gpt-5.4-mini", "gpt-4o")) == Codes{"model_mismatch@2"});
  CHECK(refusals(client, with("gpt-5.4-mini", "no-such-model")) == Codes{"model_not_found@2"});
  CHECK(refusals(client, with("\"method\":\"POST\",", "")) == Codes{"missing_required_parameter@2"});
  CHECK(refusals(client, with("\"custom_id\":\"b\",", "")) == Codes{"missing_required_parameter@2"});
  CHECK(refusals(client, with("\"url\":", "\"uri\":")) == Codes{"missing_required_parameter@2"});
  CHECK(refusals(client, with("\"body\":", "\"request\":")) == Codes{"missing_required_parameter@2"});
  CHECK(refusals(client, with("\"model\":\"gpt-5.4-mini\",", "")) == Codes{"missing_required_parameter@2"});
  CHECK(refusals(client, with("\"POST\"", "\"post\"")) == Codes{"invalid_method@2"});
  CHECK(refusals(client, with("\"b\"", "17")) == Codes{"invalid_request@2"});
  CHECK(client.ledger()->getValue<int>("requests_executed") == 0);

  const auto failed = client.wait_for_status(client.submit(good + good), "failed");
  CHECK_FALSE(failed->isNull("failed_at"));
  CHECK(failed->isNull("in_progress_at"));
  CHECK(failed->isNull("output_file_id"));
  CHECK(failed->isNull("error_file_id"));
  CHECK(failed->getObject("errors")->getValue<std::string>("object") == "list");
}

TEST_CASE("a file of more than 50,000 requests fails as a whole")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto codes = refusals(client, tests::request_lines(50'001));
  CHECK(codes == std::vector<std::string>{"too_many_tasks"});
}

TEST_CASE("a line without a newline at the end of the file counts")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  auto input = tests::request_lines(2);
  input.pop_back();
  CHECK(count_of(client.run(input), "completed") == 2);
}

TEST_CASE("bad fields are refused at creation")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto file = client.upload(tests::request_lines(1)).text("id");
  const auto body = RawClient::batch_body(file);
  const auto with = [&](const std::string& more) {
    return client.post("/v1/batches", body.substr(0, body.size() - 1) + "," + more + "}");
  };
  const auto replaced = [&](const std::string& from, const std::string& to) {
    auto changed = body;
    return client.post("/v1/batches", changed.replace(changed.find(from), from.size(), to));
  };
  CHECK(replaced("/v1/chat/completions", "/v1/chat").code() == "invalid_value");
  CHECK(replaced("24h", "1h").error()->getValue<std::string>("param") == "completion_window");
  CHECK(replaced("\"completion_window\":\"24h\"", "\"x\":1").code() == "missing_required_parameter");
  const auto unknown = replaced(file, "file-none");
  CHECK(unknown.status == 400);
  CHECK(unknown.message() == "No such File object: file-none");
  const auto other = client.upload("{}\n", "a.jsonl", {{"purpose", "user_data"}}).text("id");
  CHECK(client.post("/v1/batches", RawClient::batch_body(other)).status == 400);
  CHECK(client.post("/v1/batches", "{").status == 400);

  std::string pairs;
  for (int i = 0; i < 16; ++i)
    pairs += (i ? "," : "") + std::string{"\"k"} + std::to_string(i) + "\":\"v\"";
  CHECK(with("\"metadata\":{" + pairs + "}").status == 200);
  CHECK(with("\"metadata\":{" + pairs + ",\"one\":\"more\"}").code() == "object_above_max_properties");
  CHECK(with("\"metadata\":{\"" + std::string(65, 'k') + "\":\"v\"}").code() == "string_above_max_length");
  CHECK(with("\"metadata\":{\"k\":\"" + std::string(513, 'v') + "\"}").code() == "string_above_max_length");
  std::string accents;
  for (int i = 0; i < 512; ++i)
    accents += "é";
  CHECK(with("\"metadata\":{\"k\":\"" + accents + "\"}").status == 200);
  CHECK(with("\"metadata\":{\"k\":1}").code() == "invalid_type");
  CHECK(with(R"("output_expires_after":{"anchor":"created_at","seconds":60})").status == 400);
  CHECK(client.ledger()->getValue<int>("batches_created") == 2);
}

TEST_CASE("an expired batch keeps what was done and names the rest")
{
  emulator::Server server{tests::quick({.expire_batches = {{.batches = {.nth = {1}}, .after_share = 0.25}}})};
  RawClient client{server};
  const auto batch = client.wait_for_status(client.submit(tests::request_lines(40)), "expired");
  CHECK_FALSE(batch->isNull("expired_at"));
  CHECK(count_of(batch, "total") == 40);
  CHECK(count_of(batch, "completed") == 10);
  CHECK(count_of(batch, "failed") == 0);
  const auto done = ids_in(client.lines(batch, "output_file_id"));
  const auto errors = client.lines(batch, "error_file_id");
  CHECK(done.size() == 10);
  REQUIRE(errors.size() == 30);
  for (const auto& line : errors) {
    const auto object = tests::parsed(line);
    CHECK(object->isNull("response"));
    CHECK(object->getObject("error")->getValue<std::string>("code") == "batch_expired");
    CHECK(std::find(done.begin(), done.end(), object->getValue<std::string>("custom_id")) == done.end());
  }
  CHECK(client.ledger()->getValue<int>("requests_executed") == 10);
  CHECK(count_of(client.run(tests::request_lines(4)), "completed") == 4); // the second batch is none of the rule's
}

TEST_CASE("a batch may expire with all of its requests done")
{
  emulator::Server server{tests::quick({.expire_batches = {{.after_share = 1}}})};
  RawClient client{server};
  const auto batch = client.wait_for_status(client.submit(tests::request_lines(4)), "expired");
  CHECK(count_of(batch, "completed") == 4);
  CHECK(batch->isNull("finalizing_at"));
  CHECK(batch->isNull("error_file_id"));
}

TEST_CASE("a batch stays in progress for its time, however soon it is done or its rule strikes")
{
  auto options =
      tests::quick({.requests_per_second = 1'000'000, .expire_batches = {{.batches = {.nth = {1}}, .after_share = 0}}});
  options.faults.in_progress_ms = 1000;
  emulator::Server server{options};
  RawClient client{server};
  const auto first = client.submit(tests::request_lines(4));
  const auto completed = client.run(tests::request_lines(4));
  const auto expired = client.wait_for_status(first, "expired");
  const auto time = [](const Object& batch, const std::string& state) { return batch->getValue<long>(state + "_at"); };
  CHECK(time(completed, "finalizing") - time(completed, "in_progress") >= 1);
  CHECK(time(expired, "expired") - time(expired, "in_progress") >= 1);
  CHECK(client.lines(expired, "error_file_id").size() == 4);
}

TEST_CASE("more batches than may work at once all come to their end, and stuck ones take no turn")
{
  emulator::Server server{tests::quick({.stuck_batches = {{.batches = {.first = 10}, .after_share = 0.5}}})};
  RawClient client{server};
  const auto file = client.upload(tests::request_lines(300)).text("id");
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i)
    ids.push_back(client.post("/v1/batches", RawClient::batch_body(file)).text("id"));
  for (int i = 10; i < 30; ++i)
    CHECK(count_of(client.wait_for_status(ids[static_cast<std::size_t>(i)], "completed"), "completed") == 300);
  CHECK(client.get("/v1/batches/" + ids[0]).text("status") == "in_progress");
}

TEST_CASE("a batch shows its progress, and a cancelled one keeps it")
{
  emulator::Server server{tests::quick({.stuck_batches = {{.batches = {.nth = {1}}, .after_share = 0.5}}})};
  RawClient client{server};
  const auto id = client.submit(tests::request_lines(20));
  const auto half = client.wait_for(id, [](const Object& batch) { return count_of(batch, "completed") == 10; });
  CHECK(half->getValue<std::string>("status") == "in_progress");
  CHECK(count_of(half, "total") == 20);

  const auto asked = client.post("/v1/batches/" + id + "/cancel", "");
  CHECK(asked.status == 200);
  CHECK(asked.text("status") == "cancelling");
  CHECK_FALSE(asked.json()->isNull("cancelling_at"));
  const auto batch = client.wait_for_status(id, "cancelled");
  CHECK_FALSE(batch->isNull("cancelled_at"));
  CHECK(count_of(batch, "completed") == 10);
  CHECK(count_of(batch, "failed") == 0);
  CHECK(client.lines(batch, "output_file_id").size() == 10);
  const auto errors = client.lines(batch, "error_file_id");
  REQUIRE(errors.size() == 10);
  CHECK(tests::parsed(errors[0])->getObject("error")->getValue<std::string>("code") == "batch_cancelled");

  CHECK(client.post("/v1/batches/" + id + "/cancel", "").text("status") == "cancelled");
  const auto done = client.run(tests::request_lines(1))->getValue<std::string>("id");
  CHECK(client.post("/v1/batches/" + done + "/cancel", "").status == 409);
  CHECK(client.post("/v1/batches/batch_none/cancel", "").status == 404);
}

TEST_CASE("a batch cancelled while it validates has no files")
{
  auto options = tests::quick();
  options.faults.validating_ms = 3'600'000;
  emulator::Server server{options};
  RawClient client{server};
  const auto id = client.submit(tests::request_lines(3));
  client.post("/v1/batches/" + id + "/cancel", "");
  const auto batch = client.wait_for_status(id, "cancelled");
  CHECK(batch->isNull("output_file_id"));
  CHECK(batch->isNull("error_file_id"));
  CHECK(count_of(batch, "total") == 0);
}

TEST_CASE("requests a second bound the progress of a batch")
{
  auto options = tests::quick({.requests_per_second = 1});
  emulator::Server server{options};
  RawClient client{server};
  const auto id = client.submit(tests::request_lines(5000));
  const auto batch = client.wait_for_status(id, "in_progress");
  CHECK(count_of(batch, "completed") < 5000);
  client.post("/v1/batches/" + id + "/cancel", "");
  const auto cancelled = client.wait_for_status(id, "cancelled");
  CHECK(client.lines(cancelled, "output_file_id").size() + client.lines(cancelled, "error_file_id").size() == 5000);
}

TEST_CASE("batches beyond the enqueued-token limit fail, and room comes back when one ends")
{
  const auto input = tests::request_lines(10);
  emulator::Server measure{tests::quick()};
  const auto tokens = RawClient{measure}.run(input)->getObject("usage")->getValue<std::int64_t>("input_tokens");

  emulator::Server server{tests::quick(
      {.stuck_batches = {{.batches = {.nth = {1}}, .after_share = 0.5}}, .enqueued_token_limit = tokens * 2 - 1})};
  RawClient client{server};
  const auto stuck = client.submit(input);
  client.wait_for_status(stuck, "in_progress");
  const auto refused = client.wait_for_status(client.submit(input), "failed");
  CHECK(errors_of(refused) == std::vector<std::string>{"token_limit_exceeded"});
  const auto error = refused->getObject("errors")->getArray("data")->getObject(0);
  CHECK(error->getValue<std::string>("message").starts_with(
      "Enqueued token limit reached for gpt-5.4-mini in organization org-emulator. Limit: "));
  CHECK(error->isNull("param"));
  RawClient other_account{server, "sk-other"};
  CHECK(count_of(other_account.run(input), "completed") == 10);

  client.post("/v1/batches/" + stuck + "/cancel", "");
  client.wait_for_status(stuck, "cancelled");
  CHECK(count_of(client.run(input), "completed") == 10);
}

TEST_CASE("a batch fails with the words of its rule, or with none")
{
  emulator::Server server{
      tests::quick({.fail_batches = {{.batches = {.nth = {1}}, .code = "invalid_request", .message = "No.", .line = 3},
                                     {.batches = {.nth = {2}}, .code = ""}}})};
  RawClient client{server};
  const auto first = client.wait_for_status(client.submit(tests::request_lines(5)), "failed");
  CHECK(errors_of(first) == std::vector<std::string>{"invalid_request@3"});
  const auto second = client.wait_for_status(client.submit(tests::request_lines(5)), "failed");
  CHECK(second->isNull("errors"));
  CHECK(count_of(client.run(tests::request_lines(5)), "completed") == 5);
}

TEST_CASE("batches that fail while others are created hold up neither those nor the server")
{
  emulator::Server server{tests::quick({.fail_batches = {{.code = ""}}})};
  const auto file = RawClient{server}.upload(tests::request_lines(1)).text("id");
  std::vector<std::thread> clients;
  std::atomic<int> created{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      RawClient client{server};
      for (int n = 0; n < 100; ++n)
        created += client.post("/v1/batches", RawClient::batch_body(file)).status == 200 ? 1 : 0;
    });
  }
  for (auto& client : clients)
    client.join();
  CHECK(created == 800);
}

TEST_CASE("a batch that was told it is being cancelled ends so, whatever else goes wrong with it")
{
  const tests::FreshDirectory directory;
  auto options = tests::quick({.stuck_batches = {{.after_share = 0.5}}});
  options.directory = directory / "emulator";
  emulator::Server server{options};
  RawClient client{server};
  const auto id = client.submit(tests::request_lines(20));
  const auto half = client.wait_for(id, [](const Object& batch) { return count_of(batch, "completed") == 10; });
  std::filesystem::resize_file(options.directory / "files" / half->getValue<std::string>("input_file_id"), 0);
  client.post("/v1/batches/" + id + "/cancel", "");
  CHECK(client.wait_for_status(id, "cancelled")->isNull("failed_at"));
}

TEST_CASE("absent files, counts and states take the forms servers give them")
{
  emulator::Faults faults{.absent_file_id = emulator::AbsentFileId::empty,
                          .null_request_counts = true,
                          .extra_fields = true,
                          .unknown_status = "pondering"};
  faults.stuck_batches = {{.batches = {.nth = {1}}, .after_share = 0}};
  emulator::Server server{tests::quick(faults)};
  RawClient client{server};
  client.wait_for_status(client.submit(tests::request_lines(2)), "pondering");
  const auto batch = client.run(tests::request_lines(2));
  CHECK(batch->getValue<std::string>("error_file_id").empty());
  CHECK(batch->isNull("request_counts"));
  CHECK(batch->has("x_unknown"));
  CHECK(tests::parsed(client.lines(batch, "output_file_id")[0])->has("x_unknown"));

  emulator::Server other{tests::quick({.absent_file_id = emulator::AbsentFileId::missing})};
  CHECK_FALSE(RawClient{other}.run(tests::request_lines(2))->has("error_file_id"));
}

TEST_CASE("unknown members may stand in every object, but for the user's own")
{
  emulator::Faults faults{
      .never_ran_share = 1,
      .extra_fields = true,
      .http = {{.path = "/v1/models", .calls = {.nth = {2}}, .effect = emulator::Effect::status, .status = 503}}};
  emulator::Server server{tests::quick(faults)};
  RawClient client{server};
  const auto file = client.upload(tests::request_lines(2));
  CHECK(file.json()->has("x_unknown"));
  const auto created =
      client.post("/v1/batches", RawClient::batch_body(file.text("id")).insert(1, R"("metadata":{"a":"b"},)"));
  CHECK(created.json()->getObject("metadata")->size() == 1);
  const auto batch = client.wait_for_status(created.text("id"), "completed");
  CHECK(batch->getObject("request_counts")->has("x_unknown"));
  const auto line = tests::parsed(client.lines(batch, "error_file_id").at(0));
  CHECK(line->has("x_unknown"));
  CHECK(line->getObject("error")->has("x_unknown"));
  const auto list = client.get("/v1/batches").json();
  CHECK(list->has("x_unknown"));
  CHECK(list->getArray("data")->getObject(0)->has("x_unknown"));
  CHECK(client.get("/v1/models").json()->getArray("data")->getObject(0)->has("x_unknown"));
  CHECK(client.get("/v1/models").error()->has("x_unknown")); // struck by the rule
  CHECK(client.get("/v1/nothing").error()->has("x_unknown"));
  CHECK(client.call("DELETE", "/v1/files/" + file.text("id")).json()->has("x_unknown"));
  const auto chat =
      client.post("/v1/chat/completions", R"({"model":"m","messages":[{"role":"user","content":"{}"}]})").json();
  CHECK(chat->getObject("usage")->has("x_unknown"));
  const auto message = chat->getArray("choices")->getObject(0)->getObject("message");
  CHECK(message->has("x_unknown"));
  CHECK(message->getValue<std::string>("content") == emulator::answer_for("{}"));
  CHECK_FALSE(client.ledger()->has("x_unknown"));
}

TEST_CASE("batches are listed newest first, by pages")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  std::vector<std::string> ids;
  for (int i = 0; i < 23; ++i)
    ids.push_back(client.submit(tests::request_lines(1)));
  const auto page = client.get("/v1/batches");
  const auto data = page.json()->getArray("data");
  REQUIRE(data->size() == 20);
  CHECK(data->getObject(0)->getValue<std::string>("id") == ids[22]);
  CHECK(page.text("last_id") == ids[3]);
  CHECK(page.json()->getValue<bool>("has_more"));
  const auto rest = client.get("/v1/batches?limit=100&after=" + ids[3]);
  CHECK(rest.json()->getArray("data")->size() == 3);
  CHECK_FALSE(rest.json()->getValue<bool>("has_more"));
  CHECK(client.get("/v1/batches?limit=101").status == 400);
  CHECK(client.get("/v1/batches/batch_none").message() == "No batch found with id 'batch_none'.");

  emulator::Server late{tests::quick({.list_lag_ms = 3'600'000})};
  RawClient other{late};
  other.submit(tests::request_lines(1));
  CHECK(other.get("/v1/batches").json()->getArray("data")->size() == 0);
}
