#include "tests/support/fresh_directory.hpp"

#include <batchwright/api/client.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/base/frames.hpp>
#include <batchwright/http/head.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

using namespace batchwright;
using namespace batchwright::api;

namespace {

using Answer = std::function<http::Response(const http::Request&, http::Sink*)>;

/// Answers from a list, in order, and keeps what was asked.
class Scripted final : public http::Transport {
public:
  http::Response send(const http::Request& request, http::Sink* sink) override
  {
    asked.push_back(request);
    REQUIRE(asked.size() <= answers.size());
    return answers[asked.size() - 1](request, sink);
  }
  std::vector<Answer> answers = {};
  std::vector<http::Request> asked = {};
};

http::Response response(int status, std::string body, http::Headers headers = {})
{
  return {.delivery = http::Delivery::answered,
          .status = status,
          .headers = std::move(headers),
          .body = std::move(body),
          .whole = true};
}

Answer saying(int status, std::string body, http::Headers headers = {})
{
  return [=](const http::Request&, http::Sink*) { return response(status, body, headers); };
}

/// A 2xx body for the sink. `whole` false: the line broke after it.
Answer streaming(std::string bytes, int status = 200, http::Headers headers = {}, bool whole = true)
{
  return [=](const http::Request&, http::Sink* sink) {
    auto head = response(status, "", headers);
    if (headers.empty()) head.headers = {{"Content-Length", std::to_string(bytes.size())}};
    head.whole = whole;
    if (!whole) head.trouble = "the answer was cut";
    sink->begin(head);
    sink->write(std::string_view{bytes}.substr(0, bytes.size() / 2));
    sink->write(std::string_view{bytes}.substr(bytes.size() / 2));
    return head;
  };
}

Answer file_of(std::uint64_t bytes)
{
  return saying(200, R"({"id":"file-1","bytes":)" + std::to_string(bytes) + "}");
}

http::Headers range(std::uint64_t from, std::uint64_t size)
{
  return {
      {"Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(size - 1) + "/" + std::to_string(size)},
      {"Content-Length", std::to_string(size - from)}};
}

struct Fixture {
  tests::FreshDirectory dir = {};
  Scripted reads = {};
  Scripted writes = {};
  Client client{reads, writes, wire::openai()};
  std::filesystem::path to = dir / "out.jsonl";
  std::filesystem::path part = dir / "out.jsonl.part";

  Reply<Downloaded> download() { return client.download(FileId{"file-1"}, to); }
};

const std::string lines = "{\"custom_id\":\"a\"}\n{\"custom_id\":\"b\"}\n";
const http::Headers unannounced{{"X", "y"}};
const std::string error_body =
    R"({"error":{"message":"Invalid value.","type":"invalid_request_error","code":"invalid_value"}})";

} // namespace

TEST_SUITE_BEGIN("api::client");

TEST_CASE_FIXTURE(Fixture, "how a call that creates something ended is certain or it is unknown")
{
  const std::string batch = R"({"id":"batch_1","status":"validating"})";
  http::Response cut = response(200, R"({"id":"batch_1")");
  cut.whole = false;
  struct Row {
    http::Response response;
    Ending ending;
  };
  const std::vector<Row> rows{
      {response(200, batch), Ending::ok},
      {response(201, batch), Ending::ok},
      {response(200, "{}"), Ending::unknown},
      {response(200, ""), Ending::unknown},
      {response(200, "<html>hello</html>"), Ending::unknown},
      {cut, Ending::unknown},
      {response(301, ""), Ending::refused},
      {response(307, "<html>", {{"Location", "https://elsewhere"}}), Ending::refused},
      {response(400, error_body), Ending::refused},
      {response(401, error_body), Ending::refused},
      {response(404, error_body), Ending::refused},
      {response(413, error_body), Ending::refused},
      {response(429, error_body), Ending::refused},
      {response(400, "<html>Bad Request</html>"), Ending::unknown},
      {response(400, ""), Ending::unknown},
      {response(401, "<html>Unauthorized</html>"), Ending::unknown},
      {response(403, ""), Ending::unknown},
      {response(404, R"({"detail":"Not Found"})"), Ending::unknown},
      {response(408, error_body), Ending::unknown},
      {response(409, error_body), Ending::unknown},
      {response(425, error_body), Ending::unknown},
      {response(499, error_body), Ending::unknown},
      {response(500, error_body), Ending::unknown},
      {response(502, "<html>"), Ending::unknown},
      {response(503, error_body), Ending::unknown},
      {{.delivery = http::Delivery::not_sent, .trouble = "connection refused by x"}, Ending::not_sent},
      {{.delivery = http::Delivery::unknown, .trouble = "connection reset"}, Ending::unknown},
  };
  for (const auto& row : rows) {
    CAPTURE(row.response.status);
    CAPTURE(row.response.body);
    writes.asked.clear();
    writes.answers = {[&](const http::Request&, http::Sink*) { return row.response; }};
    const auto reply = client.create_batch(FileId{"file-1"}, "/v1/chat/completions", {});
    CHECK(reply.ending == row.ending);
    CHECK(reply.status == row.response.status);
    CHECK(reply.trouble.empty() == (row.ending == Ending::ok));
    CHECK(reply.value.id.empty() == (row.ending != Ending::ok));
  }
}

TEST_CASE_FIXTURE(Fixture, "a read has the status of its answer where that is unknown, too")
{
  for (const int status : {401, 403, 500, 200}) {
    CAPTURE(status);
    reads.asked.clear();
    reads.answers = {saying(status, "<html>"), saying(status, "<html>"), saying(status, "<html>")};
    const auto batch = client.batch(BatchId{"b"});
    CHECK(batch.ending == Ending::unknown);
    CHECK(batch.status == status);
    CHECK(client.files().status == status);
    CHECK(client.batches().status == status);
  }
  reads.asked.clear();
  reads.answers = {saying(401, "<html>"), saying(401, "<html>")};
  CHECK(download().status == 401);
}

TEST_CASE_FIXTURE(Fixture, "a refusal carries the server's words, its clock and its wish")
{
  writes.answers = {saying(
      429, error_body, {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"retry-after", "20"}, {"x-request-id", "req_7"}})};
  const auto reply = client.create_batch(FileId{"file-1"}, "/v1/x", {});
  CHECK(reply.error.code == "invalid_value");
  CHECK(reply.error.message == "Invalid value.");
  CHECK(reply.trouble == "HTTP 429 invalid_value: Invalid value.");
  CHECK(reply.retry_after == Millis{20'000});
  CHECK(reply.server_time == from_unix(784111777));
  CHECK(reply.request_id == "req_7");
}

TEST_CASE_FIXTURE(Fixture, "a key that the server repeats is in none of the words, whatever the status")
{
  const std::string key = "sk-proj-SECRET-SECRET";
  const std::string error = R"({"error":{"message":"bad )" + key + R"(","type":")" + key + R"(","code":"x )" + key +
                            R"(","param":")" + key + R"("}})";
  std::vector<http::Response> rows{
      response(200, "<html>" + key),
      response(200, std::string(190, ' ') + key),
      response(200, R"({"key":")" + key + R"("})"),
      response(200, R"({"id":"b","status":"failed","errors":{"data":[{"code":")" + key + R"(","message":")" + key +
                        R"("}]}})"),
      response(307, "", {{"Location", "https://elsewhere/?key=" + key}, {"x-request-id", key}}),
      response(400, error),
      response(401, "<html>" + std::string(190, 'x') + key),
      response(401, R"({"error":")" + key + R"("})"),
      response(429, error),
      response(500, error),
      response(502, key + key + key),
  };
  for (auto& row : rows) {
    CAPTURE(row.status);
    CAPTURE(row.body);
    row.key = Secret{key};
    reads.asked.clear();
    reads.answers = {[&](const http::Request&, http::Sink*) { return row; }};
    const auto reply = client.batch(BatchId{"b"});
    auto words = reply.trouble + reply.request_id;
    for (const auto& word : {reply.error.code, reply.error.type, reply.error.message, reply.error.param})
      words += word;
    for (const auto& fault : reply.value.errors)
      words += fault.code + fault.message;
    CHECK(words.find("***") != std::string::npos);
    CHECK(words.find("sk-proj") == std::string::npos);
  }
}

TEST_CASE_FIXTURE(Fixture, "a page of batches repeats no key in their errors")
{
  auto page = response(200, R"({"data":[{"id":"b","errors":{"data":[{"code":"c","message":"bad sk-SECRET!"}]}}]})");
  page.key = Secret{"sk-SECRET!"};
  reads.answers = {[&](const http::Request&, http::Sink*) { return page; }};
  const auto reply = client.batches();
  REQUIRE(reply.value.data.size() == 1);
  REQUIRE(reply.value.data[0].errors.size() == 1);
  CHECK(reply.value.data[0].errors[0].message == "bad ***");
}

TEST_CASE_FIXTURE(Fixture, "a key that is a word of the API spoils no answer")
{
  for (const std::string key : {"error", "a", "code"}) {
    CAPTURE(key);
    auto refused = response(429, R"({"error":{"message":"a code error","code":"insufficient_quota"}})");
    refused.key = Secret{key};
    writes.asked.clear();
    writes.answers = {[&](const http::Request&, http::Sink*) { return refused; }};
    const auto reply = client.create_batch(FileId{"file-1"}, "/v1/x", {});
    CHECK(reply.ending == Ending::refused);
    CHECK(reply.error.code == "insufficient_quota");
    CHECK(reply.trouble == "HTTP 429 insufficient_quota: a code error");
  }
}

TEST_CASE_FIXTURE(Fixture, "a gateway's page is quoted on one line, and not all of it")
{
  reads.answers = {saying(502, "<html>\r\n" + std::string(198, 'x') + "\xc3\xa4" + std::string(5'000, 'y'))};
  const auto reply = client.batch(BatchId{"b"});
  CHECK(reply.ending == Ending::unknown);
  CHECK(reply.trouble.find("HTTP 502: <html>  xxx") == 0);
  CHECK(reply.trouble.find('\n') == std::string::npos);
  CHECK(reply.trouble.size() < 250);
  CHECK(reply.trouble.ends_with("x..."));
}

TEST_CASE_FIXTURE(Fixture, "an upload sends the purpose before the file and gives the file object")
{
  const auto file = dir.file("in.jsonl", lines);
  writes.answers = {saying(200, R"({"id":"file-9","bytes":36})")};
  const auto reply = client.upload(file, "bw-5f0e.jsonl");
  CHECK(reply.ok());
  CHECK(reply.value.id == FileId{"file-9"});
  REQUIRE(writes.asked.size() == 1);
  const auto& request = writes.asked[0];
  CHECK(request.method == http::Method::post);
  CHECK(request.path == "/files");
  REQUIRE(request.upload);
  CHECK(request.upload->fields == wire::upload_fields(wire::openai()));
  CHECK(request.upload->file_field == "file");
  CHECK(request.upload->file_name == "bw-5f0e.jsonl");
  CHECK(request.upload->path == file);
  CHECK(reads.asked.empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "a server that removes nothing by itself gets a call once more without that, then never again")
{
  const auto file = dir.file("in.jsonl", lines);
  const std::string refusal =
      R"({"error":{"message":"Unrecognized request argument: expires_after","type":"invalid_request_error"}})";
  const std::string plain = wire::create_batch_body(wire::openai(), FileId{"f"}, "/v1/x", {}, wire::Lapse::unsaid);
  writes.answers = {saying(400, refusal), saying(200, R"({"id":"file-9","bytes":36})"),
                    saying(200, R"({"id":"file-8","bytes":36})")};
  SUBCASE("of an upload")
  {
    CHECK(client.upload(file, "a.jsonl").value.id == FileId{"file-9"});
    CHECK(client.upload(file, "b.jsonl").value.id == FileId{"file-8"});
    REQUIRE(writes.asked.size() == 3);
    CHECK(writes.asked[0].upload->fields.size() == 3);
    CHECK(writes.asked[1].upload->fields.size() == 1);
    CHECK(writes.asked[1].upload->file_name == "a.jsonl");
    CHECK(writes.asked[2].upload->fields.size() == 1);
  }
  SUBCASE("of a batch, whose outputs are another matter")
  {
    CHECK(client.create_batch(FileId{"f"}, "/v1/x", {}).ok());
    CHECK(writes.asked[0].body.find("output_expires_after") != std::string::npos);
    CHECK(writes.asked[1].body == plain);
    CHECK(client.upload(file, "a.jsonl").ok());
    CHECK(writes.asked[2].upload->fields.size() == 3);
  }
  SUBCASE("and is not asked a third time")
  {
    writes.answers = {saying(400, refusal), saying(400, refusal), saying(400, refusal)};
    CHECK(client.create_batch(FileId{"f"}, "/v1/x", {}).ending == Ending::refused);
    CHECK(client.create_batch(FileId{"f"}, "/v1/x", {}).ending == Ending::refused);
    CHECK(writes.asked.size() == 3);
  }
}

TEST_CASE_FIXTURE(Fixture, "calls go where the API has them, ids encoded")
{
  reads.answers = {saying(200, R"({"id":"f"})"),
                   saying(200, R"({"id":"b"})"),
                   saying(200, R"({"data":[]})"),
                   saying(200, R"({"data":[]})"),
                   saying(200, R"({"data":[{"id":"b"}],"has_more":true})"),
                   saying(200, R"({"id":"f","deleted":true})")};
  CHECK(client.file(FileId{"f/../x?y"}).ok());
  CHECK(client.batch(BatchId{"batch_1"}).ok());
  CHECK(client.files().ok());
  CHECK(client.files(FileId{"file-7"}).ok());
  CHECK(client.batches(BatchId{"batch 7"}).value.has_more == true);
  CHECK(client.remove(FileId{"file-1"}).ok());
  CHECK(reads.asked[0].path == "/files/f%2F..%2Fx%3Fy");
  CHECK(reads.asked[1].path == "/batches/batch_1");
  CHECK(reads.asked[2].path == "/files?purpose=batch&order=desc&limit=10000");
  CHECK(reads.asked[3].path == "/files?purpose=batch&order=desc&limit=10000&after=file-7");
  CHECK(reads.asked[4].path == "/batches?limit=100&after=batch%207");
  CHECK(reads.asked[5].method == http::Method::del);
  CHECK(writes.asked.empty());
}

TEST_CASE_FIXTURE(Fixture, "deleting what is gone is done, other refusals are not")
{
  reads.answers = {saying(404, error_body), saying(403, error_body), saying(404, "<html>")};
  CHECK(client.remove(FileId{"f"}).ok());
  CHECK(client.remove(FileId{"f"}).ending == Ending::refused);
  CHECK(client.remove(FileId{"f"}).ending == Ending::unknown);
}

TEST_CASE_FIXTURE(Fixture, "a batch that is over already is read instead of cancelled")
{
  for (const int status : {400, 409}) {
    CAPTURE(status);
    writes.asked.clear();
    reads.asked.clear();
    writes.answers = {saying(status, error_body)};
    reads.answers = {saying(200, R"({"id":"b","status":"completed"})")};
    CHECK(client.cancel(BatchId{"b"}).value.status == "completed");
    CHECK(writes.asked[0].path == "/batches/b/cancel");
  }
  writes.asked.clear();
  writes.answers = {saying(404, error_body)};
  CHECK(client.cancel(BatchId{"b"}).ending == Ending::refused);
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("api::download");

TEST_CASE_FIXTURE(Fixture, "a file comes to its place whole")
{
  std::vector<std::uint64_t> told;
  reads.answers = {file_of(lines.size()), streaming(lines)};
  const auto reply = client.download(FileId{"file-1"}, to, [&](std::uint64_t bytes) { told.push_back(bytes); });
  CHECK(reply.ok());
  CHECK(reply.value.bytes == lines.size());
  CHECK(reply.value.last_line_whole);
  CHECK(tests::slurp(to) == lines);
  CHECK_FALSE(std::filesystem::exists(part));
  CHECK(told.back() == lines.size());
  CHECK(reads.asked[1].path == "/files/file-1/content");
  CHECK_FALSE(reads.asked[1].from);
}

TEST_CASE_FIXTURE(Fixture, "a last line without a newline, an empty file and blank lines at the end are whole")
{
  for (const std::string& content : {std::string{"{\"a\":1}"}, std::string{}, std::string{"{\"a\":1}\r\n\n \n"}}) {
    CAPTURE(content);
    reads.asked.clear();
    reads.answers = {file_of(content.size()), streaming(content)};
    CHECK(download().ok());
    CHECK(tests::slurp(to) == content);
  }
}

TEST_CASE_FIXTURE(Fixture, "a broken line is mended by asking for the rest")
{
  reads.answers = {file_of(lines.size()), streaming(lines.substr(0, 7), 200, {}, false),
                   streaming(lines.substr(7, 9), 206, range(7, lines.size()), false),
                   streaming(lines.substr(16), 206, range(16, lines.size()))};
  CHECK(download().ok());
  CHECK(tests::slurp(to) == lines);
  CHECK(reads.asked[2].from == 7);
  CHECK(reads.asked[3].from == 16);
}

TEST_CASE_FIXTURE(Fixture, "without progress the rest is left to the next call, which goes on from there")
{
  dir.file("out.jsonl.part", lines.substr(0, 7));
  reads.answers = {file_of(lines.size()), [](const http::Request&, http::Sink*) {
                     return http::Response{.delivery = http::Delivery::unknown, .trouble = "connection reset"};
                   }};
  const auto first = download();
  CHECK(first.ending == Ending::unknown);
  CHECK(first.trouble == "connection reset");
  CHECK(tests::slurp(part) == lines.substr(0, 7));
  CHECK_FALSE(std::filesystem::exists(to));
  reads.asked.clear();
  reads.answers = {file_of(lines.size()), streaming(lines.substr(7), 206, range(7, lines.size()))};
  CHECK(download().ok());
  CHECK(reads.asked[1].from == 7);
  CHECK(tests::slurp(to) == lines);
}

TEST_CASE_FIXTURE(Fixture, "a server that never gets further than a byte is given up for now")
{
  reads.answers = {file_of(lines.size())};
  for (std::size_t i = 0; i < 20; ++i)
    reads.answers.push_back(i == 0 ? streaming(lines.substr(0, 1), 200, {}, false)
                                   : streaming(lines.substr(i, 1), 206, range(i, lines.size()), false));
  CHECK(download().ending == Ending::unknown);
  CHECK(reads.asked.size() < 12);
}

TEST_CASE_FIXTURE(Fixture, "a server that ignores or mistakes the range is read from the start")
{
  dir.file("out.jsonl.part", lines.substr(0, 7));
  SUBCASE("200 instead of 206")
  {
    reads.answers = {file_of(lines.size()), streaming(lines)};
  }
  SUBCASE("another range")
  {
    reads.answers = {file_of(lines.size()), streaming(lines.substr(5), 206, range(5, lines.size())), streaming(lines)};
  }
  SUBCASE("a 206 that does not say which")
  {
    reads.answers = {file_of(lines.size()), streaming(lines.substr(7), 206, {{"Content-Length", "29"}}),
                     streaming(lines)};
  }
  SUBCASE("416")
  {
    reads.answers = {file_of(lines.size()), saying(416, ""), streaming(lines)};
  }
  CHECK(download().ok());
  CHECK(tests::slurp(to) == lines);
  CHECK(reads.asked[1].from == 7);
  CHECK(reads.asked.size() == reads.answers.size());
}

TEST_CASE_FIXTURE(Fixture, "a part longer than the file is thrown away, one just as long is enough")
{
  SUBCASE("longer")
  {
    dir.file("out.jsonl.part", lines + "{}");
    reads.answers = {file_of(lines.size()), streaming(lines)};
    CHECK(download().ok());
    CHECK_FALSE(reads.asked[1].from);
  }
  SUBCASE("as long")
  {
    dir.file("out.jsonl.part", lines);
    reads.answers = {file_of(lines.size())};
    CHECK(download().ok());
  }
  CHECK(tests::slurp(to) == lines);
}

TEST_CASE_FIXTURE(Fixture, "fewer bytes than the file object says are not the file")
{
  reads.answers = {file_of(lines.size() + 10), streaming(lines)};
  const auto reply = download();
  CHECK(reply.ending == Ending::unknown);
  CHECK(reply.trouble == "the file has 46 bytes, but 36 came");
  CHECK_FALSE(std::filesystem::exists(to));
}

TEST_CASE_FIXTURE(Fixture, "a server that describes no files still gives them")
{
  for (const auto& description :
       {saying(404, error_body), saying(500, ""), saying(200, R"({"id":"f","bytes":null})")}) {
    reads.asked.clear();
    reads.answers = {description, streaming(lines)};
    CHECK(download().ok());
  }
}

TEST_CASE_FIXTURE(Fixture, "a file that is gone is refused, and nothing is left behind but an empty part")
{
  reads.answers = {saying(404, error_body), saying(404, error_body)};
  const auto reply = download();
  CHECK(reply.ending == Ending::refused);
  CHECK(reply.status == 404);
  CHECK_FALSE(std::filesystem::exists(to));
}

TEST_CASE_FIXTURE(Fixture, "a file that ends inside a line is fetched anew")
{
  const auto cut = lines.substr(0, lines.size() - 5);
  SUBCASE("and is whole then")
  {
    reads.answers = {saying(404, error_body), streaming(cut), streaming(lines)};
    const auto reply = download();
    CHECK(reply.ok());
    CHECK(reply.value.last_line_whole);
    CHECK(tests::slurp(to) == lines);
    CHECK_FALSE(reads.asked[2].from);
  }
  SUBCASE("and when it is the same again, that is what the server has")
  {
    reads.answers = {file_of(cut.size()), streaming(cut), streaming(cut)};
    const auto reply = download();
    CHECK(reply.ok());
    CHECK_FALSE(reply.value.last_line_whole);
    CHECK(tests::slurp(to) == cut);
  }
  SUBCASE("but never believed when its length was not announced")
  {
    reads.answers = {saying(404, error_body), streaming(cut, 200, unannounced), streaming(cut, 200, unannounced)};
    CHECK(download().ending == Ending::unknown);
    CHECK_FALSE(std::filesystem::exists(to));
  }
  SUBCASE("unless the file object has that length")
  {
    reads.answers = {file_of(cut.size()), streaming(cut, 200, unannounced), streaming(cut, 200, unannounced)};
    CHECK_FALSE(download().value.last_line_whole);
    CHECK(tests::slurp(to) == cut);
  }
  SUBCASE("and a line that is JSON but no object is none of an output file")
  {
    reads.answers = {saying(404, error_body), streaming(lines + "17"), streaming(lines)};
    CHECK(download().ok());
    CHECK(tests::slurp(to) == lines);
  }
}

TEST_CASE_FIXTURE(Fixture, "a file whose length nobody tells is believed when it comes twice with one length")
{
  const auto half = lines.substr(0, lines.find('\n') + 1);
  const auto nothing = saying(404, error_body);
  SUBCASE("and is not at the first end of a line")
  {
    reads.answers = {nothing, streaming(half, 200, unannounced), streaming(lines, 200, unannounced),
                     streaming(lines, 200, unannounced)};
  }
  SUBCASE("even where the second time its length is announced, and it is another")
  {
    reads.answers = {nothing, streaming(half, 200, unannounced), streaming(lines)};
  }
  SUBCASE("and a length that is no number is none")
  {
    const http::Headers wrong{{"Content-Length", "many"}, {"Transfer-Encoding", "identity"}};
    reads.answers = {nothing, streaming(half, 200, wrong), streaming(lines, 200, wrong), streaming(lines, 200, wrong)};
  }
  SUBCASE("but at once where the file object or the last chunk tells it")
  {
    reads.answers = {nothing, streaming(lines, 200, {{"Transfer-Encoding", "chunked"}})};
    CHECK(download().ok());
    reads.asked.clear();
    reads.answers = {file_of(lines.size()), streaming(lines, 200, unannounced)};
  }
  const auto reply = download();
  CHECK(reply.ok());
  CHECK(reply.value.last_line_whole);
  CHECK(tests::slurp(to) == lines);
  CHECK(reads.asked.size() == reads.answers.size());
}

TEST_CASE_FIXTURE(Fixture, "a file whose length nobody tells and that changes each time is left to the next call")
{
  reads.answers = {saying(404, error_body)};
  for (int i = 0; i < 20; ++i)
    reads.answers.push_back(streaming(std::string(static_cast<std::size_t>(i), '\n') + lines, 200, unannounced));
  const auto reply = download();
  CHECK(reply.ending == Ending::unknown);
  CHECK_FALSE(reply.trouble.empty());
  CHECK(reads.asked.size() < 12);
  CHECK_FALSE(std::filesystem::exists(to));
}

TEST_CASE_FIXTURE(Fixture, "an empty file of an unknown length is asked for twice")
{
  reads.answers = {saying(404, error_body), streaming("", 200, unannounced), streaming("", 200, unannounced)};
  CHECK(download().ok());
  CHECK(reads.asked.size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "a last line longer than any block is read whole")
{
  const auto content = "{\"a\":1}\n{\"b\":\"" + std::string(300'000, 'x') + "\"}\n";
  reads.answers = {file_of(content.size()), streaming(content)};
  CHECK(download().value.last_line_whole);
  CHECK(std::filesystem::file_size(to) == content.size());
}

/// What is brought home packed, and how it unpacks.
struct Packed : Fixture {
  Packed() { to += ".zst"; }

  std::string unpacked() const
  {
    FramedFile file{to};
    std::string text(file.size(), '\0');
    CHECK(file.read_at(0, text.data(), text.size()));
    return text;
  }

  std::string all = many_lines();
  std::filesystem::path half_way = dir / "out.jsonl.zst.part";

private:
  /// More than two frames.
  static std::string many_lines()
  {
    std::string text;
    for (int i = 0; text.size() < 2 * frame_size + 100'000; ++i)
      text += fmt::format("{{\"custom_id\":\"{}\"}}\n", i);
    return text;
  }
};

TEST_CASE_FIXTURE(Packed, "a file that is wanted packed comes so, over broken lines, too")
{
  const auto first = frame_size + 17;
  std::vector<std::uint64_t> told;
  reads.answers = {file_of(all.size()), streaming(all.substr(0, first), 200, {}, false),
                   streaming(all.substr(first), 206, range(first, all.size()))};
  const auto reply = client.download(FileId{"file-1"}, to, [&](std::uint64_t bytes) { told.push_back(bytes); });
  CHECK(reply.ok());
  CHECK(reply.value.bytes == all.size());
  CHECK(reply.value.last_line_whole);
  CHECK(told.back() == all.size());
  CHECK(unpacked() == all);
  CHECK(std::filesystem::file_size(to) < all.size() / 4);
  CHECK_FALSE(std::filesystem::exists(half_way));
}

TEST_CASE_FIXTURE(Packed, "a later process goes on behind the last whole frame")
{
  const auto left = [&](std::size_t bytes) {
    Scripted broken;
    broken.answers = {file_of(all.size()), streaming(all.substr(0, bytes), 200, {}, false), saying(500, error_body)};
    Client before{broken, writes, wire::openai()};
    CHECK_FALSE(before.download(FileId{"file-1"}, to).ok());
    REQUIRE(std::filesystem::exists(half_way));
  };
  std::uint64_t from = 0;
  SUBCASE("")
  {
    left(2 * frame_size + 10);
    from = 2 * frame_size;
  }
  SUBCASE("of which there may be none")
  {
    left(10);
  }
  SUBCASE("not behind one that was cut")
  {
    left(2 * frame_size + 10);
    std::filesystem::resize_file(half_way, std::filesystem::file_size(half_way) - 1);
    from = frame_size;
  }
  SUBCASE("nor behind one that was changed")
  {
    left(2 * frame_size + 10);
    auto bytes = tests::slurp(half_way);
    bytes[bytes.size() - 100] ^= 1;
    dir.file(half_way.filename().native(), bytes);
    from = frame_size;
  }
  SUBCASE("nor behind what is none")
  {
    dir.file(half_way.filename().native(), all);
  }
  reads.answers = {file_of(all.size()),
                   from > 0 ? streaming(all.substr(from), 206, range(from, all.size())) : streaming(all)};
  CHECK(download().ok());
  CHECK(reads.asked[1].from.value_or(0) == from);
  CHECK(unpacked() == all);
}

TEST_CASE_FIXTURE(Packed, "a packed file that ends in the middle of a line is fetched again")
{
  const auto half = all.substr(0, all.size() - 5);
  reads.answers = {saying(404, error_body), streaming(half), streaming(all)};
  CHECK(download().value.last_line_whole);
  CHECK(unpacked() == all);
}

TEST_CASE_FIXTURE(Fixture, "a disk that refuses is an error")
{
  reads.answers = {file_of(3)};
  CHECK_THROWS_AS(client.download(FileId{"file-1"}, dir / "missing" / "out"), Error);
}

TEST_SUITE_END();
