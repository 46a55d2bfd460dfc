#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/wire/objects.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::wire;

namespace {

std::string recorded(const std::string& name)
{
  return tests::slurp(std::filesystem::path{FIXTURES} / "wire" / name);
}

} // namespace

TEST_SUITE_BEGIN("wire::objects");

TEST_CASE("a file object is read")
{
  const auto file = parse_file(recorded("file.json"));
  REQUIRE(file);
  CHECK(file->id == FileId{"file-Qm3xExample01"});
  CHECK(file->bytes == 48213);
  CHECK(file->filename == "part-0001.jsonl");
  CHECK(file->purpose == "batch");
  CHECK(file->created_at == from_unix(1795300000));
  CHECK(file->expires_at == from_unix(1797892000));
}

TEST_CASE("a batch is read from its first to its last state")
{
  const auto fresh = parse_batch(recorded("batch-validating.json"));
  REQUIRE(fresh);
  CHECK(fresh->status == "validating");
  CHECK(fresh->input_file == FileId{"file-Qm3xExample01"});
  CHECK(fresh->output_file.empty());
  CHECK(fresh->error_file.empty());
  CHECK(fresh->total == 0);
  CHECK_FALSE(fresh->ended_at);
  CHECK(fresh->errors.empty());
  CHECK(fresh->metadata == Metadata{{"part", "1/4"}, {"run", "2026-11-22-a"}});

  const auto done = parse_batch(recorded("batch-completed.json"));
  REQUIRE(done);
  CHECK(done->id == BatchId{"batch_68aExample"});
  CHECK(done->endpoint == "/v1/chat/completions");
  CHECK(done->output_file == FileId{"file-OutExample"});
  CHECK(done->error_file == FileId{"file-ErrExample"});
  CHECK(done->total == 1000);
  CHECK(done->completed == 993);
  CHECK(done->failed == 7);
  CHECK(done->created_at == from_unix(1795300100));
  CHECK(done->ended_at == from_unix(1795303060));
}

TEST_CASE("absent, null and empty members are nothing special")
{
  const auto batch = parse_batch(recorded("batch-sparse.json"));
  REQUIRE(batch);
  CHECK(batch->status == "expired");
  CHECK(batch->endpoint.empty());
  CHECK(batch->output_file.empty());
  CHECK(batch->error_file.empty());
  CHECK(batch->created_at == from_unix(1795300100));
  CHECK(batch->ended_at == from_unix(1795386501));
  CHECK(batch->completed == 0);
  CHECK(batch->metadata.empty());
}

TEST_CASE("each of the four ends gives the time of the end")
{
  for (const char* key : {"completed_at", "failed_at", "expired_at", "cancelled_at"}) {
    CAPTURE(key);
    const auto batch = parse_batch(std::string{R"({"id":"b","cancelling_at":5,")"} + key + R"(":1795303060})");
    CHECK(batch->ended_at == from_unix(1795303060));
  }
  CHECK_FALSE(parse_batch(R"({"id":"b","cancelling_at":1795303060})")->ended_at);
}

TEST_CASE("the errors of a failed batch are listed, whatever stands between them")
{
  const auto batch = parse_batch(recorded("batch-failed.json"));
  REQUIRE(batch);
  REQUIRE(batch->errors.size() == 3);
  CHECK(batch->errors[0].code == "token_limit_exceeded");
  CHECK_FALSE(batch->errors[0].line);
  CHECK(batch->errors[1].code == "invalid_json_line");
  CHECK(batch->errors[1].line == 17);
  CHECK(batch->errors[2].code.empty());
  CHECK(batch->errors[2].message == "no code here");
  CHECK(parse_batch(R"({"id":"b","errors":[{"code":"x"}]})")->errors.size() == 1);
  CHECK(parse_batch(R"({"id":"b","errors":{"data":null}})")->errors.empty());
}

TEST_CASE("members of the wrong type count as absent")
{
  const auto file = parse_file(R"({"id":"f","bytes":"12","filename":7,"purpose":null,"created_at":"soon",
                                   "expires_at":-1,"new":{"deep":[1,2,{}]}})");
  REQUIRE(file);
  CHECK(file->bytes == 0);
  CHECK(file->filename.empty());
  CHECK_FALSE(file->created_at);
  CHECK_FALSE(file->expires_at);
  const auto batch = parse_batch(R"({"id":"b","status":3,"output_file_id":5,"request_counts":[1],"metadata":"x",
                                     "errors":"y","created_at":true})");
  REQUIRE(batch);
  CHECK(batch->status.empty());
  CHECK(batch->output_file.empty());
  CHECK(batch->total == 0);
  CHECK(batch->metadata.empty());
  CHECK_FALSE(batch->created_at);
  const auto mixed = parse_batch(R"({"id":"b","metadata":{"a":"1","b":2,"c":null}})");
  CHECK(mixed->metadata == Metadata{{"a", "1"}});
}

TEST_CASE("whole numbers may come as floats, other numbers are nothing")
{
  const std::pair<const char*, std::uint64_t> cases[] = {{"12", 12}, {"12.0", 12}, {"1.2e1", 12}, {"12.5", 0},
                                                         {"-3", 0},  {"null", 0},  {"true", 0},   {"1e30", 0}};
  for (const auto& row : cases) {
    const auto& number = row.first;
    const auto& bytes = row.second;
    CAPTURE(number);
    const auto file = parse_file(std::string{R"({"id":"f","bytes":)"} + number + "}");
    REQUIRE(file);
    CHECK(file->bytes == bytes);
  }
}

TEST_CASE("what is no object, or has no id, is unreadable and never throws")
{
  for (const char* text :
       {"", "null", "[]", "\"id\"", "{", R"({"id":"f")", R"({"id":""})", R"({"id":null})", R"({"id":7})", "{}",
        R"({"object":"file"})", "<html></html>", R"({"id":"f","n":123456789012345678901234567890})",
        R"({"id":"f","n":1e999})", R"({"id":"f","s":"\ud83d"})", "\xff\xfe"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_file(text));
    CHECK_FALSE(parse_batch(text));
  }
  CHECK_FALSE(parse_file(std::string(100'000, '[')));
  CHECK_FALSE(parse_file(recorded("error-gateway.html")));
}

TEST_CASE("text after an object makes it unreadable")
{
  CHECK_FALSE(parse_file(R"({"id":"f"} {"id":"g"})"));
  CHECK_FALSE(parse_file(R"({"id":"f"}x)"));
  CHECK(parse_file("\n {\"id\":\"f\"} \r\n"));
}

TEST_CASE("pages hold their objects in order")
{
  const auto files = parse_files(recorded("file-list.json"));
  REQUIRE(files);
  REQUIRE(files->data.size() == 2);
  CHECK(files->data[0].id == FileId{"file-aaa"});
  CHECK(files->data[1].bytes == 20);
  CHECK(files->has_more == true);
  const auto batches = parse_batches(recorded("batch-list.json"));
  REQUIRE(batches);
  REQUIRE(batches->data.size() == 2);
  CHECK(batches->data[0].metadata.at("bw_call") == "5f0e0000-0000-4000-8000-000000000002");
  CHECK(batches->data[1].status == "some_new_word");
  CHECK(batches->has_more == false);
}

TEST_CASE("a page says nothing of more pages, or is empty, or is none")
{
  CHECK(parse_files(R"({"data":[]})")->data.empty());
  CHECK_FALSE(parse_files(R"({"data":[]})")->has_more);
  CHECK_FALSE(parse_files(R"({"data":[],"has_more":null})")->has_more);
  CHECK_FALSE(parse_files(R"({"object":"list"})"));
  CHECK_FALSE(parse_files(R"({"data":{}})"));
  CHECK_FALSE(parse_files("[]"));
}

TEST_CASE("a page with an object that cannot be read is no page, since what it hides would be sent again")
{
  CHECK_FALSE(parse_files(R"({"data":[{"id":"f"},{"bytes":3}]})"));
  CHECK_FALSE(parse_batches(R"({"data":[{"id":"b"},null]})"));
}

TEST_CASE("an error is read in the API's words, and only where there is one")
{
  const auto limit = parse_error(recorded("error-rate-limit.json"));
  REQUIRE(limit);
  CHECK(limit->code == "rate_limit_exceeded");
  CHECK(limit->type == "tokens");
  CHECK(limit->message.find("Please try again in 3.2s.") != std::string::npos);
  CHECK(limit->param.empty());
  CHECK(parse_error(R"({"error":{"code":404,"message":"x"}})")->code == "404");
  CHECK(parse_error(R"({"error":{}})"));
  CHECK(parse_error(R"({"error":"just words"})")->message == "just words");
  for (const char* text : {"", "{}", R"({"error":null})", R"({"detail":"Not Found"})", "<html>", "[]"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_error(text));
  }
}

TEST_CASE("a new batch is asked for with its metadata, escaped")
{
  CHECK(create_batch_body(openai(), FileId{"file-1"}, "/v1/chat/completions", {{"bw_call", "u"}, {"a\"b", "c\n"}}) ==
        R"({"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h",)"
        R"("metadata":{"a\"b":"c\n","bw_call":"u"},)"
        R"("output_expires_after":{"anchor":"created_at","seconds":2592000}})");
}

TEST_CASE("a server is asked to remove what it is given, but where it refuses that")
{
  CHECK(upload_fields(openai()) ==
        std::vector<std::pair<std::string, std::string>>{
            {"purpose", "batch"}, {"expires_after[anchor]", "created_at"}, {"expires_after[seconds]", "2592000"}});
  CHECK(upload_fields(openai(), Lapse::unsaid) ==
        std::vector<std::pair<std::string, std::string>>{{"purpose", "batch"}});
  CHECK(create_batch_body(openai(), FileId{"f"}, "/v1/x", {}, Lapse::unsaid) ==
        R"({"input_file_id":"f","endpoint":"/v1/x","completion_window":"24h","metadata":{}})");

  CHECK(refuses_lapse(400, R"({"error":{"message":"Unknown parameter: 'output_expires_after'."}})"));
  CHECK(refuses_lapse(422, R"({"detail":[{"loc":["body","expires_after"],"msg":"extra fields not permitted"}]})"));
  CHECK_FALSE(refuses_lapse(400, R"({"error":{"message":"Invalid file format."}})"));
  CHECK_FALSE(refuses_lapse(500, R"({"error":{"message":"expires_after"}})"));
}

TEST_CASE("metadata beyond the API's limits is our own mistake")
{
  Metadata many;
  for (int i = 0; i < 17; ++i)
    many[std::to_string(i)] = "x";
  const auto body = [](const Metadata& metadata) {
    return create_batch_body(openai(), FileId{"f"}, "/v1/x", metadata);
  };
  CHECK_THROWS_AS(body(many), Error);
  many.erase("3");
  CHECK_NOTHROW(body(many));
  CHECK_THROWS_AS(body({{std::string(65, 'k'), "x"}}), Error);
  CHECK_THROWS_AS(body({{"k", std::string(513, 'v')}}), Error);
  std::string umlauts;
  for (int i = 0; i < 512; ++i)
    umlauts += "\xc3\xa4";
  CHECK_NOTHROW(body({{std::string(64, 'k'), umlauts}}));
}

TEST_CASE("no room is told from other refusals, and the limit is read where it is named")
{
  const auto failed = parse_batch(recorded("batch-failed.json"));
  const auto& full = failed->errors.at(0);
  CHECK(means_no_room(full.code, full.message));
  CHECK(means_no_room("token_limit_exceeded", ""));
  CHECK(means_no_room("", full.message));
  CHECK(means_no_room("",
                      "Enqueued request limit reached for text-embedding-3-small. Limit: 1,000,000 enqueued requests"));
  CHECK_FALSE(means_no_room("invalid_json_line", failed->errors.at(1).message));
  const auto rate = parse_error(recorded("error-rate-limit.json"));
  CHECK_FALSE(means_no_room(rate->code, rate->message));

  CHECK(named_limit(full.message) == 2'000'000);
  CHECK(named_limit("Limit: 90000 enqueued tokens") == 90'000);
  CHECK(named_limit("Limit:15,000,000,000") == 15'000'000'000);
  for (const char* message : {"", "Limit: none", "Limit:", "no words", "Limit: 99999999999999999999999"}) {
    CAPTURE(message);
    CHECK_FALSE(named_limit(message));
  }
  CHECK_FALSE(named_limit(rate->message));
}

TEST_CASE("a lost input file is told from a bad one")
{
  CHECK(means_lost_file("input_no_permissions", ""));
  CHECK(means_lost_file("", "No such File object: file-abc"));
  CHECK(means_lost_file("invalid_request_error", "The input file has expired or was deleted."));
  CHECK_FALSE(means_lost_file("empty_file", "The input file is empty."));
  CHECK_FALSE(means_lost_file("", "The batch input file is larger than the 209715200 maximum for the gpt-4o model"));
  CHECK_FALSE(means_lost_file("model_not_found", "The model gpt-9 does not exist"));
  CHECK_FALSE(means_lost_file("model_not_found", "The model `gpt-9` in the input file does not exist"));
  CHECK_FALSE(means_lost_file("", ""));
}

TEST_CASE("a failed batch is understood by its codes, and by its words where a code says nothing")
{
  CHECK(refusal_of({}) == Refusal::server_fault);
  CHECK(refusal_of({{"", "", {}}}) == Refusal::server_fault);
  CHECK(refusal_of({{"server_error", "The server had an error.", {}}}) == Refusal::server_fault);
  CHECK(refusal_of({{"token_limit_exceeded", "", {}}}) == Refusal::no_room);
  CHECK(refusal_of({{"input_modified", "", {}}}) == Refusal::lost_file);
  CHECK(refusal_of({{"invalid_json_line", "not JSON", 17}}) == Refusal::bad_lines);
  CHECK(refusal_of({{"server_error", "", {}}, {"invalid_json_line", "not JSON", 17}}) == Refusal::bad_lines);
  CHECK(refusal_of({{"model_not_found", "The model `gpt-9` in the input file does not exist", {}}}) ==
        Refusal::for_good);
  CHECK(refusal_of({{"", "The batch input file is larger than the 209715200 maximum for the gpt-4o model", {}}}) ==
        Refusal::for_good);
}

TEST_CASE("status words have one meaning each, unknown ones are live")
{
  const std::pair<const char*, BatchPhase> words[] = {
      {"validating", BatchPhase::live},     {"in_progress", BatchPhase::live},   {"finalizing", BatchPhase::live},
      {"cancelling", BatchPhase::stopping}, {"completed", BatchPhase::finished}, {"expired", BatchPhase::finished},
      {"cancelled", BatchPhase::finished},  {"failed", BatchPhase::refused},     {"", BatchPhase::live},
      {"Completed", BatchPhase::live},      {"some_new_word", BatchPhase::live},
  };
  for (const auto& row : words) {
    const auto& word = row.first;
    const auto& meaning = row.second;
    CAPTURE(word);
    CHECK(phase(word) == meaning);
  }
}

TEST_SUITE_END();
