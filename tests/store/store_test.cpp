#include "tests/store/values.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/store/schema.hpp>
#include <batchwright/store/store.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

using namespace batchwright;
using store::Store;
using store::Transaction;
using tests::at;
using tests::full_call;
using tests::full_job;
using tests::full_part;
using tests::plain_job;
using tests::plain_part;

namespace {

template<class Work>
std::optional<Fault> fault_of(Work&& work)
{
  try {
    work();
  } catch (const Error& e) {
    return e.fault();
  }
  return std::nullopt;
}

void make_job(Store& store, const Job& job, const std::vector<Part>& parts)
{
  Transaction tx{store};
  tx.add(job);
  for (const auto& part : parts)
    tx.put(job.name, part);
  tx.commit();
}

/// The number of scripts a database says it has seen: four bytes of its header, the highest first.
void set_schema_version(const std::filesystem::path& database, char version)
{
  std::fstream file{database, std::ios::binary | std::ios::in | std::ios::out};
  file.seekp(63);
  file.put(version);
}

} // namespace

TEST_SUITE_BEGIN("store::store");

TEST_CASE("a job and its parts come back equal in every member")
{
  const tests::FreshDirectory home;
  const auto job = full_job("reviews", 30);
  const std::vector<Part> parts{full_part(1, 10), full_part(2, 20)};
  {
    Store store{home / "state.db"};
    make_job(store, job, parts);
    CHECK(store.job("reviews") == job);
    CHECK(store.parts("reviews") == parts);
  }
  Store again{home / "state.db"};
  CHECK(again.job("reviews") == job);
  CHECK(again.jobs() == std::vector{job});
  CHECK(again.parts("reviews") == parts);
}

TEST_CASE("what was piped in is found in the job's directory, wherever that stands")
{
  const tests::FreshDirectory dir;
  auto job = full_job("reviews", 0);
  job.inputs = {{.path = (dir / "jobs/reviews/input.zst").native(), .format = InputFormat::csv, .spooled = true}};
  {
    Store store{dir / "state.db"};
    Transaction tx{store};
    tx.add(job);
    tx.commit();
    CHECK(store.job("reviews") == job);
  }
  const tests::FreshDirectory other;
  std::filesystem::copy_file(dir / "state.db", other / "state.db");
  const auto moved = Store{other / "state.db"}.job("reviews")->inputs.front();
  CHECK(moved.path == (other / "jobs/reviews/input.zst").native());
  CHECK(moved.spooled);
}

TEST_CASE("what is not known comes back as not known, and empty as empty")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  const auto job = plain_job("bare", 3);
  make_job(store, job, {plain_part(1, 3)});
  CHECK(store.job("bare") == job);
  CHECK(store.parts("bare") == std::vector{plain_part(1, 3)});
  CHECK_FALSE(store.job("nobody").has_value());
  CHECK(store.parts("nobody").empty());
  CHECK(store.calls("nobody", CallState::intended).empty());
}

TEST_CASE("an update replaces everything of a job, lists included")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  make_job(store, full_job("reviews", 3), {plain_part(1, 3)});
  const auto bare = plain_job("reviews", 3);
  {
    Transaction tx{store};
    tx.update(bare);
    tx.commit();
  }
  CHECK(store.job("reviews") == bare);
  CHECK(store.parts("reviews").size() == 1);
}

TEST_CASE("a part is known by job and number, and put again it is replaced")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  make_job(store, plain_job("one", 10), {plain_part(2, 4), plain_part(1, 6)});
  make_job(store, plain_job("two", 5), {plain_part(1, 5)});
  auto moved = plain_part(1, 6);
  moved.state = PartState::uploading;
  moved.due = tests::at(99);
  {
    Transaction tx{store};
    tx.put("one", moved);
    tx.commit();
  }
  CHECK(store.parts("one") == std::vector{moved, plain_part(2, 4)}); // by number, whatever the order of writing
  CHECK(store.parts("two") == std::vector{plain_part(1, 5)});
}

TEST_CASE("jobs are listed newest first")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  for (const auto& [name, millis] : {std::pair{"old", 1}, {"new", 3}, {"mid", 2}, {"twin-of-mid", 2}}) {
    auto job = plain_job(name, 0);
    job.created_at = tests::at(millis);
    make_job(store, job, {});
  }
  std::string names;
  for (const auto& job : store.jobs())
    names += job.name + ' ';
  CHECK(names == "new twin-of-mid mid old ");
}

TEST_CASE("calls are found by job and state, oldest first, and change state by their uuid")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  make_job(store, plain_job("one", 0), {});
  make_job(store, plain_job("two", 0), {});
  const Call late{.uuid = "a", .part = 1, .begun_at = tests::at(20)};
  const Call early{.uuid = "b", .part = 2, .begun_at = tests::at(10)};
  {
    Transaction tx{store};
    tx.put("one", late);
    tx.put("one", early);
    tx.put("two", full_call("c", 3));
    tx.commit();
  }
  CHECK(store.calls("one", CallState::intended) == std::vector{early, late});
  CHECK(store.calls("one", CallState::adopted).empty());
  CHECK(store.calls("two", CallState::adopted) == std::vector{full_call("c", 3)});
  auto answered = early;
  answered.state = CallState::answered;
  answered.server_time = tests::at(15);
  {
    Transaction tx{store};
    tx.put("one", answered);
    tx.commit();
  }
  CHECK(store.calls("one", CallState::intended) == std::vector{late});
  CHECK(store.calls("one", CallState::answered) == std::vector{answered});
}

TEST_CASE("what is known of a queue is kept for each account and model, and parts are found by what they ask for")
{
  const tests::FreshDirectory dir;
  Store store{dir / "state.db"};
  auto job = full_job("a", 3);
  job.request.model = "m";
  job.account = "acc";
  job.pause = Pause::none;
  job.cancel = Cancel::none;
  auto running = plain_part(1, 1);
  running.batch = BatchId{"batch_1"};
  running.remote.status = "in_progress";
  running.remote.created_at = at(10);
  running.model.clear();
  running.state = PartState::running;
  auto other = plain_part(2, 1);
  other.model = "other";
  other.state = PartState::queued;
  auto planned = plain_part(3, 1);
  planned.model.clear();
  planned.state = PartState::planned;
  Queue queue{.account = "acc",
              .model = "m",
              .named_tokens = 1,
              .named_since = at(9),
              .own_tokens = 2,
              .own_since = at(3),
              .admitted_tokens = 4,
              .named_requests = 5,
              .quiet_since = at(6),
              .refusals = 7,
              .failing_since = at(8),
              .failing_seen = at(12)};
  {
    Transaction tx{store};
    tx.add(job);
    for (const auto& p : {running, other, planned})
      tx.put("a", p);
    tx.put(queue);
    tx.commit();
  }
  CHECK(store.queue("acc", "m") == queue);
  CHECK(store.queue("acc", "other") == Queue{.account = "acc", .model = "other"});
  CHECK(store.queue("acc2", "m") == Queue{.account = "acc2", .model = "m"});
  const auto found = store.enqueued("acc", "m");
  REQUIRE(found.size() == 1);
  CHECK(found[0] == Enqueued{.job = "a",
                             .part = 1,
                             .state = PartState::running,
                             .tokens = running.input_tokens.n,
                             .requests = static_cast<std::int64_t>(running.requests),
                             .batch = running.batch,
                             .created_at = at(10),
                             .remote_status = running.remote.status,
                             .job_created_at = job.created_at,
                             .advanced_at = job.advanced_at,
                             .may_send = true});
  CHECK(store.enqueued("acc", "other").size() == 1);
  CHECK(store.enqueued("acc2", "m").empty());
}

TEST_CASE("what is known of a rate is kept for each account and model")
{
  const tests::FreshDirectory home;
  const RateSeen seen{.account = "api.openai.com",
                      .model = "gpt-5.4-mini",
                      .requests = 500,
                      .tokens = 200'000,
                      .latency = Millis{1'234},
                      .cancelling = Millis{56'789},
                      .seen_at = tests::at(7)};
  auto other = seen;
  other.model = "gpt-5.4";
  other.requests = other.tokens = std::nullopt;
  other.latency = other.cancelling = std::nullopt;
  {
    Store store{home / "state.db"};
    CHECK_FALSE(store.rate(seen.account, seen.model));
    Transaction tx{store};
    tx.put(seen);
    tx.put(other);
    tx.commit();
  }
  Store store{home / "state.db"};
  CHECK(store.rate(seen.account, seen.model) == seen);
  CHECK(store.rate(seen.account, other.model) == other);
  CHECK_FALSE(store.rate("another", seen.model));
  auto newer = seen;
  newer.requests = 60;
  newer.latency.reset();
  Transaction tx{store};
  tx.put(newer);
  tx.commit();
  CHECK(store.rate(seen.account, seen.model) == newer);
  CHECK(store.rate(seen.account, other.model) == other);
}

TEST_CASE("processes that send to a model are known until they say that they do no more")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  const Sender one{.account = "api.openai.com",
                   .model = "gpt-5.4-mini",
                   .process = "p1",
                   .at = tests::at(1),
                   .in_flight = 64,
                   .allowed = 500,
                   .why = "waits: " + tests::every_byte()};
  auto two = one;
  two.process = "p2";
  two.allowed.reset();
  two.why.clear();
  auto elsewhere = one;
  elsewhere.model = "gpt-5.4";
  const auto senders = [&](const Sender& of) {
    auto found = store.senders(of.account, of.model);
    std::sort(found.begin(), found.end(), [](const Sender& a, const Sender& b) { return a.process < b.process; });
    return found;
  };
  {
    Transaction tx{store};
    for (const auto& sender : {one, two, elsewhere})
      tx.put(sender);
    tx.commit();
  }
  CHECK(senders(one) == std::vector{one, two});
  CHECK(senders(elsewhere) == std::vector{elsewhere});
  auto later = one;
  later.at = tests::at(2);
  later.in_flight = 0;
  Transaction tx{store};
  tx.put(later);
  tx.remove(two);
  tx.commit();
  CHECK(senders(one) == std::vector{later});
  CHECK(senders(elsewhere) == std::vector{elsewhere});
}

TEST_CASE("what was not committed never happened, and what is inside a transaction can be read in it")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  {
    Transaction tx{store};
    tx.add(plain_job("reviews", 0));
    CHECK(store.job("reviews").has_value());
  }
  CHECK_FALSE(store.job("reviews").has_value());
  make_job(store, plain_job("reviews", 0), {}); // the next transaction is free to begin
  CHECK(store.job("reviews").has_value());
}

TEST_CASE("a commit that breaks the sum rule is refused and nothing of it is written")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  auto settled = plain_part(1, 6);
  settled.state = PartState::settled;
  settled.outcome = {.succeeded = 4, .failed = 1, .left = 1};
  auto gone = plain_part(2, 4);
  gone.state = PartState::superseded;

  CHECK(fault_of([&] { make_job(store, plain_job("short", 11), {plain_part(1, 6), plain_part(2, 4)}); }) == Fault::bug);
  CHECK(fault_of([&] { make_job(store, plain_job("none", 1), {}); }) == Fault::bug);
  CHECK(fault_of([&] { make_job(store, plain_job("left", 6), {settled}); }) == Fault::bug);
  CHECK(fault_of([&] { make_job(store, plain_job("gone", 4), {gone}); }) == Fault::bug);
  CHECK(store.jobs().empty());

  make_job(store, plain_job("whole", 10), {settled, gone, plain_part(3, 4), plain_part(4, 1)});
  CHECK(store.parts("whole").size() == 4);
  auto more = plain_part(3, 5);
  CHECK(fault_of([&] {
          Transaction tx{store};
          tx.put("whole", full_part(4, 1)); // sound by itself, and lost with the rest
          tx.put("whole", more);
          tx.commit();
        }) == Fault::bug);
  CHECK(store.parts("whole")[2] == plain_part(3, 4));
  CHECK(store.parts("whole")[3] == plain_part(4, 1));
}

TEST_CASE("in every live state a part's items count as pending")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  make_job(store, plain_job("reviews", 7), {plain_part(1, 7)});
  for (int state = 0; state <= static_cast<int>(PartState::abandoned); ++state) {
    auto part = plain_part(1, 7);
    part.state = static_cast<PartState>(state);
    CAPTURE(name(part.state));
    const auto fault = fault_of([&] {
      Transaction tx{store};
      tx.put("reviews", part);
      tx.commit();
    });
    CHECK(fault.has_value() != is_live(part.state));
  }
}

TEST_CASE("a name can be taken once, and only what is there can be changed")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  make_job(store, plain_job("reviews", 0), {});
  CHECK(fault_of([&] { make_job(store, plain_job("reviews", 0), {}); }) == Fault::busy);
  CHECK(fault_of([&] {
          Transaction tx{store};
          tx.update(plain_job("nobody", 0));
        }) == Fault::bug);
  CHECK(fault_of([&] {
          Transaction tx{store};
          tx.put("nobody", plain_part(1, 1));
        }) == Fault::bug);
  CHECK(fault_of([&] {
          Transaction tx{store};
          tx.put("nobody", full_call("a", 1));
        }) == Fault::bug);
  CHECK(store.jobs().size() == 1);
}

TEST_CASE("what is told beside the lock is not overwritten by what is written under it")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  make_job(store, plain_job("reviews", 7), {plain_part(1, 7)});
  auto stale = store.job("reviews").value();
  CHECK(stale.cancel == Cancel::none);
  CHECK_FALSE(stale.fetched_at.has_value());
  Transaction tx{store};
  tx.wish_cancel("reviews", Cancel::harvest);
  tx.fetched("reviews", tests::at(17));
  stale.message = "written later";
  tx.update(stale);
  tx.commit();
  const auto job = store.job("reviews").value();
  CHECK(job.message == "written later");
  CHECK(job.cancel == Cancel::harvest);
  CHECK(store.cancel_wish("reviews") == Cancel::harvest);
  CHECK(job.fetched_at == tests::at(17));
}

TEST_CASE("a removed job leaves nothing")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  auto urgent = plain_job("reviews", 7);
  urgent.urgent = {{"tier", "gold"}};
  make_job(store, urgent, {plain_part(1, 7)});
  make_job(store, plain_job("others", 1), {plain_part(1, 1)});
  Transaction tx{store};
  tx.put("reviews", tests::full_call("u1", 1));
  tx.log("reviews", 0, "made");
  tx.remove("reviews");
  tx.commit();
  CHECK_FALSE(store.job("reviews").has_value());
  CHECK(store.parts("reviews").empty());
  CHECK(store.calls("reviews", CallState::adopted).empty());
  CHECK_FALSE(store.last_event("reviews").has_value());
  CHECK(store.jobs().size() == 1);
  CHECK(store.parts("others").size() == 1);
  make_job(store, plain_job("reviews", 7), {plain_part(1, 7)});
  CHECK(store.job("reviews")->urgent.empty());
}

TEST_CASE("a job's history takes any text")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  make_job(store, plain_job("reviews", 0), {});
  Transaction tx{store};
  CHECK_NOTHROW(tx.log("reviews", 3, "part 3: queued -> creating; '\"; DROP TABLE jobs"));
  CHECK_NOTHROW(tx.commit());
  CHECK(store.jobs().size() == 1);
}

TEST_CASE("the database is its owner's alone")
{
  const tests::FreshDirectory home;
  using std::filesystem::perms;
  Store store{home / "state.db"};
  make_job(store, plain_job("reviews", 0), {});
  for (const auto* file : {"state.db", "state.db-wal", "state.db-shm"}) {
    CAPTURE(file);
    CHECK(std::filesystem::status(home / file).permissions() == (perms::owner_read | perms::owner_write));
  }
}

TEST_CASE("a database of a newer program is refused and not changed by a byte")
{
  const tests::FreshDirectory home;
  const auto database = home / "state.db";
  {
    Store store{database};
    make_job(store, plain_job("reviews", 0), {});
  }
  set_schema_version(database, 99);
  const auto before = tests::slurp(database);
  CHECK(fault_of([&] { Store{database}; }) == Fault::newer_state);
  CHECK(tests::slurp(database) == before);
  CHECK(std::distance(std::filesystem::directory_iterator{home.path()}, {}) == 1); // no -wal, no -shm
  set_schema_version(database, static_cast<char>(store::schema_version));
  CHECK(Store{database}.jobs().size() == 1);
}

TEST_CASE("a database of the first schema is brought up, with all it holds")
{
  const tests::FreshDirectory home;
  const auto database = home / "state.db";
  std::filesystem::copy_file(FIXTURES "/state/schema-1.db", database);
  const Store store{database};
  const auto job = store.job("reviews").value();
  CHECK(job.items == 3);
  CHECK(job.request.prompt == "Positive? {{text}}");
  REQUIRE(job.inputs.size() == 1);
  CHECK(job.inputs.front().path == "/data/reviews.csv");
  CHECK(job.inputs.front().witness.empty());
  REQUIRE(store.parts("reviews").size() == 1);
  CHECK(store.parts("reviews").front().items == 3);
}

TEST_CASE("what a part comes to stands by day and tier, and is replaced as a whole")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  make_job(store, tests::plain_job("reviews", 3), {plain_part(1, 3)});
  const Spending usual{.part = 1,
                       .day = tests::at(86'400'000),
                       .tier = "default",
                       .items = 2,
                       .usage = {.input = {1}, .cached = {2}, .output = {3}, .reasoning = {4}, .cache_write = {5}},
                       .cost = PicoUsd{6},
                       .realtime = PicoUsd{7}};
  const Spending odd{
      .part = 1, .day = tests::at(0), .tier = tests::every_byte(), .items = 3, .requests = 2, .usage = {}};
  const auto put = [&](int part, const std::vector<Spending>& spending) {
    Transaction tx{store};
    tx.put("reviews", part, spending);
    tx.commit();
  };
  put(1, {usual, odd});
  CHECK(store.spending("reviews") == std::vector{odd, usual}); // by day
  put(2, {{.part = 2, .tier = "flex"}});
  put(1, {usual});
  REQUIRE(store.spending("reviews").size() == 2);
  CHECK(store.spending("reviews").front() == usual);
  CHECK(store.spending("other").empty());
  Transaction tx{store};
  tx.remove("reviews");
  tx.commit();
  CHECK(store.spending("reviews").empty());
}

TEST_CASE("what answers of a prompt have taught stands by account, model, prompt and job, older ones first")
{
  const tests::FreshDirectory home;
  Store store{home / "state.db"};
  Experience known{.account = "a", .model = "m", .prompt = "p", .job = "j", .estimated = {10}, .input = {11}};
  known.outputs.add({300}, 5);
  known.batch = {.answers = 1, .input = {2}, .read = {3}, .written = {4}};
  known.live = {.answers = 5, .input = {6}, .read = {7}, .written = {8}};
  known.shared = {9};
  Transaction tx{store};
  tx.put(known);
  known.input = {12};
  tx.put(known);
  tx.commit();
  CHECK(store.experiences("a", "m", "p") == std::vector{known});
  CHECK(store.experiences("a", "m", "q").empty());
  auto together = known;
  together.job.clear();
  auto later = known;
  later.job = "k";
  Transaction more{store};
  more.put(later);
  more.put(together);
  more.commit();
  CHECK(store.experiences("a", "m", "p") == std::vector{together, known, later});
  Transaction less{store};
  less.remove(known);
  less.commit();
  CHECK(store.experiences("a", "m", "p") == std::vector{together, later});
  auto elsewhere = later;
  elsewhere.prompt = "q";
  Transaction last{store};
  last.put(elsewhere);
  last.forget("k");
  last.commit();
  CHECK(store.experiences("a", "m", "p") == std::vector{together});
  CHECK(store.experiences("a", "m", "q").empty());
}

TEST_CASE("a database from before money was accounted for by day is brought up, and knows of none")
{
  const tests::FreshDirectory home;
  const auto database = home / "state.db";
  std::filesystem::copy_file(FIXTURES "/state/schema-11.db", database);
  Store store{database};
  const auto job = store.job("reviews").value();
  CHECK(job.items == 3);
  CHECK_FALSE(job.policy.max_cost);
  CHECK_FALSE(job.policy.input_price);
  CHECK(store.parts("reviews").at(0).reserved == PicoUsd{});
  CHECK(store.spending("reviews").empty());
  CHECK(store.experiences(job.account, job.request.model, "any").empty());
}

TEST_CASE("a database from before caches were watched is brought up, and knows of none")
{
  const tests::FreshDirectory home;
  const auto database = home / "state.db";
  std::filesystem::copy_file(FIXTURES "/state/schema-11.db", database);
  Store store{database};
  auto job = store.job("reviews").value();
  CHECK_FALSE(job.told_live_is_cheaper);
  job.told_live_is_cheaper = true;
  Experience known{.account = "a", .model = "m", .prompt = "p", .live = {.answers = 5, .read = {7}}};
  Transaction tx{store};
  tx.update(job);
  tx.put(known);
  tx.commit();
  CHECK(store.job("reviews")->told_live_is_cheaper);
  CHECK(store.experiences("a", "m", "p") == std::vector{known});
}

TEST_CASE("a database from before ends were written down is brought up, and knows of none")
{
  const tests::FreshDirectory home;
  const auto database = home / "state.db";
  std::filesystem::copy_file(FIXTURES "/state/schema-9.db", database);
  Store store{database};
  auto job = store.job("reviews").value();
  CHECK(job.items == 3);
  CHECK_FALSE(job.ended_at);
  CHECK(store.parts("reviews").at(0).outcome.cancelled == 0);
  job.ended_at = Instant{Millis{5}};
  Transaction tx{store};
  tx.update(job);
  tx.commit();
  CHECK(store.job("reviews")->ended_at == job.ended_at);
}

TEST_CASE("a database from before items were tried first is brought up, and none of it is")
{
  const tests::FreshDirectory home;
  const auto database = home / "state.db";
  std::filesystem::copy_file(FIXTURES "/state/schema-11.db", database);
  Store store{database};
  auto job = store.job("reviews").value();
  CHECK(job.items == 3);
  CHECK(job.probe.empty());
  CHECK_FALSE(job.awaits_word);
  job.probe = {1};
  Transaction tx{store};
  tx.update(job);
  tx.commit();
  CHECK(store.job("reviews")->probe == job.probe);
}

TEST_CASE(
    "a database from before the real-time route is brought up, and nothing of it is urgent, switched or withdrawn")
{
  const tests::FreshDirectory home;
  const auto database = home / "state.db";
  std::filesystem::copy_file(FIXTURES "/state/schema-8.db", database);
  Store store{database};
  auto job = store.job("reviews").value();
  CHECK(job.items == 3);
  CHECK(job.request.prompt == "Positive? {{text}}");
  CHECK(job.request.service_tier.empty());
  CHECK(job.policy.realtime == RealtimePolicy{});
  CHECK_FALSE(job.policy.deadline);
  CHECK(job.policy.patience == Millis{0});
  CHECK_FALSE(job.switched_at);
  CHECK(job.urgent.empty());
  auto part = store.parts("reviews").at(0);
  CHECK(part.items == 3);
  CHECK(part.pick == Pick::all);
  CHECK_FALSE(part.withdrawn);
  CHECK(part.billed_again == 0);
  CHECK_FALSE(part.progress_at);
  CHECK_FALSE(part.cancelled_at);
  CHECK(store.senders(job.account, job.request.model).empty());

  job.urgent = {{"tier", "gold"}};
  part.pick = Pick::urgent;
  Transaction tx{store};
  tx.update(job);
  tx.put(job.name, part);
  tx.commit();
  CHECK(store.job("reviews") == job);
  CHECK(store.parts("reviews").at(0) == part);
}

TEST_CASE("what is no database is refused with its path and left as it is")
{
  const tests::FreshDirectory home;
  const auto file = home.file("state.db", std::string(5000, 'x'));
  try {
    Store{file};
    FAIL("text was taken for a database");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::storage);
    CHECK(std::string_view{e.what()}.find(file.native()) != std::string_view::npos);
    CHECK_FALSE(e.hint().empty());
  }
  CHECK(tests::slurp(file) == std::string(5000, 'x'));
  CHECK(fault_of([&] { Store{home / "missing" / "state.db"}; }) == Fault::storage);
}

TEST_SUITE_END();
