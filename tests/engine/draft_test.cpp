// Making jobs of what is piped in, of folders and of nothing.

#include "tests/support/arena.hpp"

#include <batchwright/input/input.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>

using namespace batchwright;
using engine::Until;
using tests::Arena;
namespace fs = std::filesystem;

namespace {

/// The arena's ask with its file piped in.
class Piped {
public:
  Piped(Arena& arena, int items) : m_ask(arena.ask(items, 2)), m_fd(::open(m_ask.inputs.front().c_str(), O_RDONLY))
  {
    m_ask.inputs = {"-"};
    m_ask.format = InputFormat::csv;
    m_ask.pipe = m_fd.get();
  }

  const engine::Ask& again()
  {
    ::lseek(m_fd.get(), 0, SEEK_SET);
    return m_ask;
  }
  engine::Ask& ask() { return m_ask; }

private:
  engine::Ask m_ask;
  Descriptor m_fd;
};

std::size_t files_below(const fs::path& directory)
{
  std::size_t n = 0;
  for (const auto& entry : fs::recursive_directory_iterator{directory})
    n += entry.is_regular_file() && entry.path().filename().native().find("state.db") == std::string::npos ? 1u : 0u;
  return n;
}

} // namespace

TEST_SUITE_BEGIN("engine::draft");

TEST_CASE("what is piped in gives what the file gives, and stays in the job, wherever its home goes")
{
  Arena arena;
  std::string job;
  std::string csv;
  {
    auto process = arena.process();
    Piped piped{arena, 5};
    job = process.make(piped.again());
    CHECK(job == "stdin");
    CHECK(fs::exists(process.layout.job(job).input()));
    CHECK(process.advance(job, Until::ended).state == JobState::done);
    const auto of_file = process.make(arena.ask(5, 2));
    process.advance(of_file, Until::ended);
    csv = process.merged(job, results::Format::csv);
    CHECK(csv == process.merged(of_file, results::Format::csv));
    CHECK(process.merged(job) == process.merged(of_file));
  }
  fs::rename(arena.directory / "home", arena.directory / "moved");
  tests::Process moved{arena.directory / "moved", arena.server.url()};
  CHECK(moved.merged(job, results::Format::csv) == csv);
}

TEST_CASE("a draft of what is piped in leaves nothing")
{
  Arena arena;
  auto process = arena.process();
  Piped piped{arena, 5};
  {
    const auto draft = engine::draft(process.tools, piped.again());
    CHECK(draft.job.items == 5);
  }
  CHECK(files_below(process.layout.root()) == 0);
  process.interrupt.ask(2);
  try {
    engine::draft(process.tools, piped.again());
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::interrupted);
  }
  CHECK(files_below(process.layout.root()) == 0);
}

TEST_CASE("the same content again is the same job, piped or not; other content is another")
{
  Arena arena;
  auto process = arena.process();
  Piped piped{arena, 5};
  piped.ask().job.name = "rows";
  process.make(piped.again());
  CHECK(engine::draft(process.tools, piped.again()).continues);
  process.make(piped.again());

  auto by_file = arena.ask(5, 2);
  by_file.job.name = "rows";
  CHECK(engine::draft(process.tools, by_file).continues);
  process.make(by_file);
  const auto kept = process.store.job("rows")->inputs.front();
  CHECK(kept.spooled); // the file may go, what the job holds does not
  CHECK(kept.path == process.layout.job("rows").input().native());
  fs::remove(by_file.inputs.front());
  CHECK(process.advance("rows", Until::ended).items.succeeded == 5);

  Piped other{arena, 4};
  other.ask().job.name = "rows";
  CHECK_THROWS_AS(engine::draft(process.tools, other.again()), Error);
  other.ask().job.name.clear();
  CHECK(process.make(other.again()) == "stdin");
}

TEST_CASE("a file's job goes on with what is piped in when the file is gone")
{
  Arena arena;
  auto process = arena.process();
  auto by_file = arena.ask(5, 2);
  by_file.job.name = "rows";
  process.make(by_file);
  Piped piped{arena, 5};
  piped.ask().job.name = "rows";
  fs::remove(by_file.inputs.front());
  process.make(piped.again());
  CHECK(process.advance("rows", Until::ended).items.succeeded == 5);
  CHECK(arena.ledger("requests_executed") == 5);
}

TEST_CASE("standard input can be named once, and is no folder")
{
  Arena arena;
  auto process = arena.process();
  Piped piped{arena, 1};
  const auto fault_of = [&] {
    try {
      engine::draft(process.tools, piped.again());
    } catch (const Error& e) {
      return e.fault();
    }
    return Fault::bug;
  };
  piped.ask().inputs = {"-", "-"};
  CHECK(fault_of() == Fault::usage);
  piped.ask().inputs = {"-"};
  piped.ask().format = InputFormat::files;
  CHECK(fault_of() == Fault::usage);
}

TEST_CASE("a bad record of what is piped in is told as one of standard input")
{
  Arena arena;
  auto process = arena.process();
  Piped piped{arena, 1};
  const Descriptor bad{::open(arena.directory.file("bad", "{\"text\":\"a\"}\n{\n").c_str(), O_RDONLY)};
  piped.ask().pipe = bad.get();
  piped.ask().format = InputFormat::automatic;
  try {
    engine::draft(process.tools, piped.ask());
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    CHECK(std::string{e.what()}.find("reading standard input, line 2") == 0);
    CHECK(e.place()->file == "standard input");
  }
  ::lseek(bad.get(), 0, SEEK_SET);
  piped.ask().job.skip_bad = 1;
  const auto draft = engine::draft(process.tools, piped.ask());
  REQUIRE(draft.skipped.size() == 1);
  CHECK(draft.skipped.front().place()->file == "standard input");
}

TEST_CASE("a folder's job is named after it, however it was written")
{
  Arena arena;
  auto process = arena.process();
  arena.directory.file("My Texts/a.txt", "x");
  auto ask = arena.ask(1);
  const auto folder = (arena.directory / "My Texts").native();
  for (const auto& written : {folder, folder + "/", folder + "/."}) {
    ask.inputs = {written};
    CHECK(engine::draft(process.tools, ask).job.name == "my-texts");
  }
}

TEST_CASE("an input without an item is refused; where it is allowed, it makes a job that is done")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(1);
  fs::create_directory(arena.directory / "folder");
  struct Case {
    const char* name;
    const char* content; // null: a folder
    const char* header;
  };
  constexpr std::array cases{Case{"none.csv", "", "output,status,error\n"},
                             Case{"header.csv", "id,,text\n", "id,,text,output,status,error\n"},
                             Case{"none.jsonl", "\n", "output,status,error\n"},
                             Case{"none.json", "", "output,status,error\n"},
                             Case{"none.txt", "", "text,output,status,error\n"},
                             Case{"folder", nullptr, "path,text,output,status,error\n"}};
  for (const auto& one : cases) {
    const auto* name = one.name;
    CAPTURE(name);
    ask.inputs = {(one.content ? arena.directory.file(name, one.content) : arena.directory / name).native()};
    ask.empty = input::Empty::refuse;
    CHECK_THROWS_AS(engine::draft(process.tools, ask), Error);
    ask.empty = input::Empty::allow;
    const auto job = process.make(ask);
    CHECK(engine::look(process.tools, job).state == JobState::done);
    CHECK(process.advance(job, Until::ended).state == JobState::done);
    CHECK(process.merged(job).empty());
    CHECK(process.merged(job, results::Format::csv) == one.header);
    CHECK(engine::draft(process.tools, ask).continues);
  }
  CHECK(arena.ledger("uploads") == 0);
}

TEST_CASE("of a job that goes on, the queue is filled by what is left of it, once")
{
  Arena arena;
  auto process = arena.process();
  const auto ask = arena.ask(40);
  const auto name = process.make(ask);
  const auto fills = [&] { return engine::plan_view(process.tools, engine::draft(process.tools, ask)).fills.tokens; };
  const auto before = fills();
  REQUIRE(before > 0);
  auto whole = process.store.parts(name).front();
  auto child = whole;
  child.number = 2;
  child.listed = true;
  whole.state = PartState::superseded;
  store::Transaction tx{process.store};
  tx.put(name, whole);
  tx.put(name, child);
  tx.commit();
  CHECK(fills() == before);
}

TEST_CASE("of a job that goes on, packs are counted as the requests that they are")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(40);
  ask.job.request.model = "text-embedding-3-small";
  ask.job.request.endpoint = "/v1/embeddings";
  ask.job.request.inputs_per_request = 20;
  process.make(ask);
  const auto plan = engine::plan_view(process.tools, engine::draft(process.tools, ask));
  CHECK(plan.continues);
  CHECK(plan.requests == 2);
}

TEST_CASE("one long request among short ones: the range says that all of it may cost as that does")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.request.model = "gpt-5.4";
  ask.job.request.max_output_tokens = 20;
  const auto usual = engine::draft(process.tools, ask).estimate;
  REQUIRE(usual.high);
  CHECK(usual.high->n < usual.cost->n * 3 / 2);
  ask.inputs = {
      arena.directory.file("long.txt", std::string(1'600'000, 'x') + "\nshort\nshort\nshort\nshort\n").native()};
  ask.format = InputFormat::text;
  const auto mixed = engine::draft(process.tools, ask).estimate;
  CHECK(mixed.high->n > mixed.cost->n * 9 / 5);
}

TEST_CASE("the flex tier that `--set` names is what is expected, as that of --service-tier is")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.request.model = "gpt-5.4";
  ask.job.request.max_output_tokens = 20;
  ask.job.mode = Mode::realtime;
  const auto cost = [&] { return engine::draft(process.tools, ask).estimate.cost->n; };
  const auto standard = cost();
  ask.job.request.set = {{"service_tier", "\"flex\""}};
  CHECK(2 * cost() == standard);
  ask.job.request.set.clear();
  ask.job.request.service_tier = "flex";
  CHECK(2 * cost() == standard);
}

TEST_SUITE_END();
