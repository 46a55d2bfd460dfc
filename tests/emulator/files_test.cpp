#include "tests/emulator/raw_client.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/sha256.hpp>

#include <Poco/Net/StreamSocket.h>
#include <doctest/doctest.h>

using namespace batchwright;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::files");

namespace {

std::vector<std::string> ids_of(const tests::Answer& page)
{
  std::vector<std::string> ids;
  const auto data = page.json()->getArray("data");
  for (unsigned i = 0; i < data->size(); ++i)
    ids.push_back(data->getObject(i)->getValue<std::string>("id"));
  return ids;
}

} // namespace

TEST_CASE("an upload comes back byte for byte, with an object of the API's shape")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  std::string content = "{\"a\":\"\r\n--b0undar\r\n\"}\n";
  content += std::string("\0\xff\r", 3);
  const auto made = client.upload(
      content, "part-0001.jsonl",
      {{"purpose", "batch"}, {"expires_after[anchor]", "created_at"}, {"expires_after[seconds]", "3600"}});
  REQUIRE(made.status == 200);
  const auto file = made.json();
  CHECK(file->getValue<std::string>("id").starts_with("file-"));
  CHECK(file->getValue<std::string>("object") == "file");
  CHECK(file->getValue<std::size_t>("bytes") == content.size());
  CHECK(file->getValue<std::string>("filename") == "part-0001.jsonl");
  CHECK(file->getValue<std::string>("purpose") == "batch");
  CHECK(file->getValue<std::string>("status") == "processed");
  CHECK(file->getValue<long>("expires_at") - file->getValue<long>("created_at") == 3600);
  CHECK(file->isNull("status_details"));

  const auto path = "/v1/files/" + made.text("id");
  CHECK(client.get(path).body == made.body);
  CHECK(client.get(path + "/content").body == content);

  const auto entry = client.ledger()->getArray("files")->getObject(0);
  Sha256 sha;
  sha.update(content);
  CHECK(entry->getValue<std::string>("sha256") == sha.hex());
  CHECK(entry->getValue<bool>("answered"));
}

TEST_CASE("what the API refuses at upload is refused in its words")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto wrong_name = client.upload("{}\n", "in.json");
  CHECK(wrong_name.status == 400);
  CHECK(wrong_name.message().starts_with("Invalid file format for Batch API. Must be .jsonl"));
  CHECK(wrong_name.error()->getValue<std::string>("type") == "invalid_request_error");
  CHECK(wrong_name.error()->isNull("code"));
  CHECK(wrong_name.error()->isNull("param"));
  CHECK(client.upload("{}\n", "in.txt", {{"purpose", "user_data"}}).status == 200);

  CHECK(client.upload("{}\n", "in.jsonl", {}).code() == "missing_required_parameter");
  CHECK(client.upload("{}\n", "in.jsonl", {{"purpose", "batches"}}).status == 400);
  CHECK(client.upload("").status == 400);
  for (const auto* seconds : {"3599", "2592001", "1h", ""}) {
    const RawClient::Fields fields{
        {"purpose", "batch"}, {"expires_after[anchor]", "created_at"}, {"expires_after[seconds]", seconds}};
    CHECK(client.upload("{}\n", "in.jsonl", fields).status == 400);
  }
  CHECK(client.upload("{}\n", "in.jsonl", {{"purpose", "batch"}, {"expires_after[seconds]", "3600"}}).status == 400);
  CHECK(client.call("POST", "/v1/files", "{}").code() == "invalid_content_type");
  CHECK(client.ledger()->getValue<int>("uploads") == 1);
  // Lines are not looked at: that is the batch's affair.
  CHECK(client.upload("this is not JSON\n").status == 200);
}

TEST_CASE("fields that the API does not know are passed over, up to a number")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  RawClient::Fields fields{{"purpose", "batch"}};
  while (fields.size() < 31)
    fields.emplace_back("more" + std::to_string(fields.size()), std::string(100'000, 'x'));
  CHECK(client.upload("{}\n", "in.jsonl", fields).status == 200);
  fields.emplace_back("one", "too many");
  CHECK(client.upload("{}\n", "in.jsonl", fields).status == 400);
  CHECK(client.upload("{}\n", "in.jsonl", {{"purpose", "batch" + std::string(5000, ' ')}}).status == 400);
}

TEST_CASE("a filename is UTF-8, and may hold what it likes")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  CHECK(client.upload("{}\n", "a\xff.jsonl").error()->getValue<std::string>("param") == "file");
  CHECK(client.upload("{}\n", "é; name=x.jsonl").text("filename") == "é; name=x.jsonl");
}

TEST_CASE("an upload that breaks off leaves no file")
{
  emulator::Server server{tests::quick()};
  {
    Poco::Net::StreamSocket socket{Poco::Net::SocketAddress{"127.0.0.1", server.port()}};
    const std::string half =
        "POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nContent-Length: 5000\r\n"
        "Content-Type: multipart/form-data; boundary=XX\r\n\r\n--XX\r\n"
        "Content-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--XX\r\n"
        "Content-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{\"a\":\"long enough\"}\n";
    socket.sendBytes(half.data(), static_cast<int>(half.size()));
    socket.shutdownSend();
    char answer[4096];
    while (socket.receiveBytes(answer, sizeof answer) > 0) {
    }
  }
  RawClient client{server};
  CHECK(ids_of(client.get("/v1/files")).empty());
  CHECK(client.ledger()->getValue<int>("uploads") == 0);
}

TEST_CASE("listings go by pages, newest first unless asked otherwise")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(client.upload("{}\n").text("id"));
  const auto other = client.upload("x", "x.txt", {{"purpose", "user_data"}}).text("id");

  const auto first = client.get("/v1/files?purpose=batch&limit=2");
  CHECK(ids_of(first) == std::vector{ids[4], ids[3]});
  CHECK(first.text("object") == "list");
  CHECK(first.text("first_id") == ids[4]);
  CHECK(first.text("last_id") == ids[3]);
  CHECK(first.json()->getValue<bool>("has_more"));
  const auto second = client.get("/v1/files?purpose=batch&limit=3&after=" + ids[3]);
  CHECK(ids_of(second) == std::vector{ids[2], ids[1], ids[0]});
  CHECK_FALSE(second.json()->getValue<bool>("has_more"));
  CHECK(ids_of(client.get("/v1/files?order=asc&limit=2")) == std::vector{ids[0], ids[1]});
  CHECK(ids_of(client.get("/v1/files?order=asc&after=" + ids[4])) == std::vector{other});
  const auto end = client.get("/v1/files?after=" + ids[0]);
  CHECK(ids_of(end).empty());
  CHECK(end.json()->isNull("first_id"));

  CHECK(client.get("/v1/files?limit=10000").status == 200);
  CHECK(client.get("/v1/files?limit=10001").code() == "integer_above_max_value");
  CHECK(client.get("/v1/files?limit=0").code() == "integer_below_min_value");
  CHECK(client.get("/v1/files?limit=ten").code() == "invalid_type");
  CHECK(client.get("/v1/files?order=up").status == 400);
}

TEST_CASE("a deleted file is gone from everywhere")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto id = client.upload("{}\n").text("id");
  const auto gone = client.call("DELETE", "/v1/files/" + id);
  CHECK(gone.body == "{\"id\":\"" + id + "\",\"object\":\"file\",\"deleted\":true}");
  for (const auto& path : {"/v1/files/" + id, "/v1/files/" + id + "/content"}) {
    const auto answer = client.get(path);
    CHECK(answer.status == 404);
    CHECK(answer.message() == "No such File object: " + id);
    CHECK(answer.error()->getValue<std::string>("type") == "invalid_request_error");
  }
  CHECK(client.call("DELETE", "/v1/files/" + id).status == 404);
  CHECK(ids_of(client.get("/v1/files")).empty());
  CHECK(client.ledger()->getArray("files")->getObject(0)->getValue<bool>("deleted"));
}

TEST_CASE("content is served by range")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto path = "/v1/files/" + client.upload("0123456789").text("id") + "/content";
  const auto range = [&](const std::string& asked) { return client.call("GET", path, {}, {{"Range", asked}}); };
  const auto tail = range("bytes=4-");
  CHECK(tail.status == 206);
  CHECK(tail.body == "456789");
  CHECK(tail.headers.at("Content-Range") == "bytes 4-9/10");
  CHECK(range("bytes=2-3").body == "23");
  CHECK(range("bytes=2-99").headers.at("Content-Range") == "bytes 2-9/10");
  const auto beyond = range("bytes=10-");
  CHECK(beyond.status == 416);
  CHECK(beyond.headers.at("Content-Range") == "bytes */10");
  for (const auto* odd : {"bytes=-3", "bytes=1-2,4-5", "lines=1-", "bytes=x-"}) {
    CHECK(range(odd).status == 200);
    CHECK(range(odd).body == "0123456789");
  }
}

TEST_CASE("new files show in listings late when told so, and can be fetched at once")
{
  emulator::Server server{tests::quick({.list_lag_ms = 3'600'000})};
  RawClient client{server};
  const auto id = client.upload("{}\n").text("id");
  CHECK(ids_of(client.get("/v1/files")).empty());
  CHECK(client.get("/v1/files/" + id).status == 200);
}

TEST_CASE("output files vanish when told so, inputs stay")
{
  emulator::Server server{tests::quick({.files_expire_ms = 1})};
  RawClient client{server};
  const auto batch = client.run(tests::request_lines(3));
  const auto id = batch->getValue<std::string>("output_file_id");
  std::this_thread::sleep_for(std::chrono::milliseconds{2});
  CHECK(client.get("/v1/files/" + id).status == 404);
  CHECK(client.get("/v1/files/" + id + "/content").status == 404);
  CHECK(ids_of(client.get("/v1/files")) == std::vector{batch->getValue<std::string>("input_file_id")});
}

TEST_CASE("a key is needed, and the right one where one is set")
{
  auto options = tests::quick();
  options.api_key = "sk-right-key-000042";
  emulator::Server server{options};
  const auto none = RawClient{server, ""}.get("/v1/files");
  CHECK(none.status == 401);
  CHECK(none.message().starts_with("You didn't provide an API key."));
  CHECK(none.code().empty());
  const auto wrong = RawClient{server, "sk-wrong-key-000007"}.get("/v1/files");
  CHECK(wrong.status == 401);
  CHECK(wrong.code() == "invalid_api_key");
  CHECK(wrong.error()->getValue<std::string>("type") == "invalid_request_error");
  CHECK(wrong.message().find("sk-************0007") != std::string::npos);
  CHECK(RawClient{server, "sk-right-key-000042"}.get("/v1/files").status == 200);
  CHECK(RawClient{server, ""}.get("/emulator/ledger").status == 200);
}

TEST_CASE("uploads land in the directory that was given")
{
  const tests::FreshDirectory directory;
  auto options = tests::quick();
  options.directory = directory / "emulator";
  emulator::Server server{options};
  RawClient client{server};
  const auto id = client.upload("here\n").text("id");
  CHECK(tests::slurp(options.directory / "files" / id) == "here\n");
}
