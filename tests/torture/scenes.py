"""Situations in which a command is struck: how each comes about, the command, the way on, and what must hold.

Each scene has a server, a job and texts of its own, so that all that the ledger says is said of it. A scene that does
not come about as it should is a fault of the proof and stops it: no command is struck where it has nothing to do.

`set_up` brings the job to where the command finds it; `words` is the command; `look` judges what stands there right
after the blow; `go_on` uses plain commands only; `judge` looks at the end. `seen` counts what the blow left, so that
the proof can tell that it struck on both sides of each commit.
"""

import collections
import json
import shutil
import time

from clock import check_faketime, come_to_end
from kinds import Overlapping, ReadyMade
from stage import Job, Rows, judge_ledger

EARLIER = "an earlier result\n"
HALF_OF_EACH = {"expire_batches": [{"batch": [1, 2], "after_share": 0.5}]}


class Scene:
    """The plain one: a job of two parts, and a server that makes no mistake."""

    command = ""
    kind = Job
    faults = {}
    options = ()
    items, per_part, learns = 6, 3, False
    ends = {0}  # how the command ends where nobody strikes
    leaves = set()  # what blows leave, all of which are seen where every call is struck

    def __init__(self, program, place, emulator):
        self.emulator, self.seen = emulator, ""
        name = type(self).__name__.lower()
        self.job = self.kind(program, place, emulator.url, name, self.items, self.per_part, learns=self.learns)
        self.job.submit += self.options
        self.elsewhere = self.job.result.with_name("elsewhere.jsonl")

    @staticmethod
    def check():
        """Raises Skipped where this machine does not permit the scene."""

    def set_up(self):
        pass

    def look(self):
        return []

    def go_on(self):
        return self.job.finish()

    def judge(self):
        ledger = self.emulator.ledger(rows=True)
        return self.job.judge_result() + judge_ledger(ledger) + Rows(ledger).judge(self.job) + self.judge_folder()

    # What scenes are made of.

    def must(self, words, exits=(0,)):
        ended = self.job.run(words)
        if ended.exit not in exits:
            raise RuntimeError(f"the scene does not come about: {ended}")
        return ended

    def await_server(self, holds, seconds=20):
        """Until `holds` is true of the ledger."""
        until = time.monotonic() + seconds
        while not holds(self.emulator.ledger(rows=True)):
            if time.monotonic() > until:
                raise RuntimeError(f"the scene does not come about at the server: {self.job.told()}")
            time.sleep(0.02)

    def sent_and_ended(self):
        self.must([*self.job.submit, "--detach"])
        parts = self.items // self.per_part
        self.await_server(lambda l: len(l["batches"]) == parts and all(b["ended_at"] for b in l["batches"]))

    def parts(self):
        """As the store has them; none, where there is no job yet."""
        said = self.job.run(["status", self.job.name, "--offline", "--json"])
        return json.loads(said.out)["parts"] if said.exit == 0 else []

    def records(self):
        return [json.loads(line) for line in self.job.result.read_text().splitlines()]

    def judge_out(self):
        """OUT, right after the blow: as it was before, or whole."""
        text = self.job.result.read_text() if self.job.result.exists() else None
        self.seen = "before" if text == self.before else "whole"
        return [] if text == self.before else [f"after the blow: {word}" for word in self.job.judge_records()]

    def judge_folder(self):
        """Beside OUT stands nothing that the user did not ask for."""
        known = {self.job.result, self.elsewhere}
        left = [path.name for path in self.job.result.parent.iterdir() if path not in known]
        return [f"left beside OUT: {', '.join(left)}"] if left else []


class Submit(Scene):
    command = "submit"

    @property
    def words(self):
        return self.job.submit


class Poll(Scene):
    """Both batches have ended."""

    command = "poll"
    words = ["poll"]

    def set_up(self):
        self.sent_and_ended()


class Fetch(Poll):
    """The same; OUT holds an earlier result."""

    command = "fetch -o OUT"
    leaves = {"before", "whole"}

    @property
    def words(self):
        return self.job.fetch

    def set_up(self):
        super().set_up()
        self.before = EARLIER
        self.job.result.write_text(EARLIER)

    def look(self):
        return self.judge_out()


class Hooked(Scene):
    """OUT is delivered, and a command is run at the end: it finds OUT whole, and is run at most once."""

    leaves = {"before, not run", "whole, not run", "whole, run"}
    before = None

    def __init__(self, program, place, emulator):
        super().__init__(program, place, emulator)
        self.ran = self.job.directory / "ran"
        self.delivery = ["-o", str(self.job.result), "--on-done", f'cat "$BATCHWRIGHT_OUT" >> {self.ran}']

    def look(self):
        found = self.judge_out()
        self.seen += ", run" if self.told_by_hook() else ", not run"
        return found

    def told_by_hook(self):
        return self.ran.read_text() if self.ran.exists() else ""

    def judge(self):
        found, told, result = super().judge(), self.told_by_hook(), self.job.result.read_text()
        struck = any(ended.exit == -9 for ended in self.job.history)
        if told != result and not (struck and not told):
            times = told.count(f'"{self.job.id(0)}"')
            found.append(f"the command for the end ran {times} times and saw {len(told)} of {len(result)} bytes")
        return found


class Run(Hooked):
    command = "run -o OUT --on-done"

    @property
    def words(self):
        return ["run", *self.job.submit[1:], *self.delivery, "--every", "100ms"]

    def go_on(self):
        return self.job.finish([self.words])


class Deliver(Hooked):
    """`submit -o OUT --on-done` was long ago; both batches have ended."""

    command = "poll that delivers"
    words = ["poll"]

    def set_up(self):
        self.job.submit += self.delivery
        self.sent_and_ended()

    def go_on(self):
        found = self.job.finish([self.job.submit, ["poll"], ["fetch", self.job.name, "-o", str(self.elsewhere)]])
        if not found and self.job.result.read_text() != self.elsewhere.read_text():
            found = ["OUT is not what fetch writes"]
        return found


class Cancel(Scene):
    """Of two parts one is half done and stays so until it is cancelled; the other waits for room."""

    command = "cancel"
    faults = {"stuck_batches": [{"after_share": 0.5}]}
    items, per_part, learns = 8, 4, True
    options = ["--enqueued-tokens", "60"]
    how = []

    @property
    def words(self):
        return ["cancel", self.job.name, *self.how]

    def set_up(self):
        self.must([*self.job.submit, "--detach"])
        self.await_server(lambda l: l["requests_executed"] == 2)
        states = sorted(part["state"] for part in self.parts())
        if states != ["queued", "running"]:
            raise RuntimeError(f"the scene does not come about: {states}")

    def go_on(self):
        return self.job.finish([self.words, ["poll"], self.job.fetch])

    def judge(self):
        """What was answered and paid for is there, all else failed; nothing was sent any more."""
        ledger = self.emulator.ledger(rows=True)
        found = self.job.judge_result(may_fail={"cancelled"}) + judge_ledger(ledger) + self.judge_folder()
        rows = Rows(ledger).rows
        billed = {i for i in range(self.items) if rows.get(self.job.id(i), {"billed": 0})["billed"] == 1}
        answered = {i for i, record in enumerate(self.records()) if record["status"] == "succeeded"}
        if len(billed) != 2 or answered != billed:
            found.append(f"items {sorted(billed)} were billed, {sorted(answered)} have answers")
        if ledger["batches_created"] != 1 or ledger["batches_cancelled"] != 1:
            found.append(f"{ledger['batches_created']} batches, {ledger['batches_cancelled']} of them cancelled")
        return found


class Abandon(Cancel):
    """Does not wait for the batch; what it finished comes home all the same."""

    command = "cancel --abandon"
    how = ["--abandon"]

    def go_on(self):
        for _ in range(12):
            found = self.job.finish([self.words, ["poll"], self.job.fetch])
            if found or not any(part["state"] == "abandoned" for part in self.parts()):
                return found
            time.sleep(0.3)
        return ["what was given up is not collected"]


class Retry(Scene):
    """Half of each batch expired, and failed for good; what is left of the outcomes stays."""

    command = "retry"
    faults = HALF_OF_EACH
    items, per_part = 8, 4
    options = ["--max-attempts", "1"]

    @property
    def words(self):
        return ["retry", self.job.name, "--yes"]

    def set_up(self):
        self.sent_and_ended()
        self.must(self.job.fetch, [3])
        failed = sum(record["status"] == "failed" for record in self.records())
        if failed != 4:
            raise RuntimeError(f"the scene does not come about: {failed} items failed")

    def go_on(self):
        return self.job.finish([self.words, ["poll"], self.job.fetch], done={0})

    def judge(self):
        found = super().judge()
        attempts = sorted(record["attempt"] for record in self.records())
        if attempts != [1] * 4 + [2] * 4:
            found.append(f"attempts {attempts}")
        outcomes = sorted(path.name for path in self.job.home.rglob("*.outcomes*"))
        if len(outcomes) != 3:
            found.append(f"of 3 parts there are {outcomes}")
        return found


class Resend(Scene):
    """A create got lost and the server lets nobody look; by the time the user decides, it does again."""

    command = "retry --resend-unknown"
    faults = {
        "http": [
            {"method": "POST", "path": "/v1/batches", "nth": 1, "phase": "before-effect", "action": "reset"},
            {"method": "GET", "path": "/v1/batches", "action": "status", "status": 404},
        ]
    }

    @property
    def words(self):
        return ["retry", self.job.name, "--resend-unknown", "--yes"]

    def set_up(self):
        self.must(self.job.submit, [75])
        self.emulator.change({})

    def go_on(self):
        return self.job.finish([self.words, ["poll"], self.job.fetch])


class Cut(Scene):
    """One part with more tokens than the server ever takes: it is refused, cut, and sent in pieces as room comes."""

    command = "submit of a part that is cut"
    faults = {"enqueued_token_limit": 50}
    per_part, learns = 6, True
    leaves = {"cut", "not cut"}

    @staticmethod
    def check():
        check_faketime()

    @property
    def words(self):
        return self.job.submit

    def look(self):
        self.seen = "cut" if any(part["state"] == "superseded" for part in self.parts()) else "not cut"
        return []

    def go_on(self):
        return come_to_end(self.emulator, self.job)

    def judge(self):
        states = [part["state"] for part in self.parts()]
        return super().judge() + ([] if states == ["superseded"] + ["settled"] * 3 else [f"parts are {states}"])


class Join(Poll):
    """Both batches expired half done: what they left goes on as one part."""

    command = "poll that joins"
    faults = HALF_OF_EACH
    items, per_part = 8, 4
    leaves = {"joined", "not joined"}

    def look(self):
        self.seen = "joined" if any(part["state"] == "superseded" for part in self.parts()) else "not joined"
        return []

    def judge(self):
        found, states = super().judge(), sorted(part["state"] for part in self.parts())
        if states != ["settled"] * 3 + ["superseded"] * 2:
            found.append(f"parts are {states}")
        return found


class Clean(Scene):
    """A job that is done and fetched goes as a whole or stays as a whole; its files at the server go for good."""

    remote = local = True
    leaves = {"there", "gone"}

    @property
    def words(self):
        return ["clean", self.job.name, *self.how]

    def set_up(self):
        self.sent_and_ended()
        self.must(self.job.fetch)
        if len(self.emulator.files()) != 4 or not any((self.job.home / "jobs").iterdir()):
            raise RuntimeError("the scene does not come about: there is nothing to clean")

    def look(self):
        """Fetched again, without looking at the server, the result is the same; or there is no such job."""
        ended = self.job.run(["fetch", self.job.name, "-o", str(self.elsewhere)])
        self.seen = "gone" if ended.exit == 64 else "there"
        if self.seen == "gone":
            return [] if self.local else [f"the job is gone: {ended}"]
        same = ended.exit == 0 and self.elsewhere.read_text() == self.job.result.read_text()
        return [] if same else [f"neither there nor gone: {ended}"]

    def go_on(self):
        ended = self.job.run(self.words)
        return [] if ended.exit == (64 if self.seen == "gone" else 0) else [f"cleaned again: {ended}"]

    def judge(self):
        ledger = self.emulator.ledger(rows=True)
        found = judge_ledger(ledger) + Rows(ledger).judge(self.job) + self.judge_folder() + self.job.judge_leftovers()
        left = self.emulator.files()
        if len(left) != (0 if self.remote else 4):
            found.append(f"{len(left)} of 4 files are at the server")
        return found + (self.judge_gone() if self.local else self.look())

    def judge_gone(self):
        """Nothing of it is left, and a new job of that name has nothing of it."""
        left = [path.name for path in (self.job.home / "jobs").iterdir()]
        found = [f"left behind: {', '.join(left)}"] if left else []
        listed = self.job.run(["status", "--offline", "--json"])
        if listed.out.strip():
            found.append(f"there is still a job: {listed.out.strip()}")
        again = Job(
            self.job.program,
            self.job.directory / "again",
            self.emulator.url,
            self.job.name,
            home=self.job.home,
            mark="again",
        )
        again.history = self.job.history
        return found + again.finish() + again.judge_result() + Rows(self.emulator.ledger(rows=True)).judge(again)


class CleanAll(Clean):
    command = "clean --all"
    how = ["--all"]


class CleanLocal(Clean):
    command = "clean --local"
    how = ["--local"]
    remote = False


class CleanRemote(Clean):
    command = "clean --remote"
    how = ["--remote"]
    local = False
    leaves = {"there"}


class Rebuilt(Scene):
    """A job is made of batches that are at the server, as a whole or not at all; then `submit` sends the rest."""

    items, per_part = 16, 4
    batches, rest = 0, 0  # how many there are, and parts that none holds
    leaves = {"there", "not there"}

    def look(self):
        found, self.seen = self.judge_parts()
        return found

    def judge_parts(self):
        said = self.job.run(["status", self.job.name, "--offline", "--json"])
        if said.exit == 64:
            return [], "not there"
        parts = json.loads(said.out)["parts"] if said.exit == 0 else []
        ids = {part["batch_id"] for part in parts if part["batch_id"]}
        known = {batch["id"] for batch in self.emulator.ledger(rows=True)["batches"]}
        whole = len(parts) == self.batches + self.rest and ids == known and len(known) == self.batches
        return [] if whole else [f"made in part: {said} {parts}"], "there"

    def go_on(self):
        ended = self.job.run(self.words)
        if ended.exit != (64 if self.seen == "there" else 0):
            return [f"made again: {ended}"]
        found, seen = self.judge_parts()
        self.emulator.change({})
        return found or ([] if seen == "there" else ["not made"]) or self.job.finish()


class Recover(Rebuilt):
    """Of a job that is lost, one part was done, one half done and the rest asked of another model, one runs, and one
    was never sent."""

    command = "recover"
    faults = {"expire_batches": [{"batch": 1, "after_share": 0.5}], "stuck_batches": [{"batch": [3, 4]}]}
    learns = True
    options = ["--enqueued-tokens", "60", "--max-attempts", "1"]
    batches, rest = 4, 1

    @property
    def words(self):
        return ["recover", self.job.name, "--adopt-grace", "100ms"]

    def set_up(self):
        self.must([*self.job.submit, "--detach"])
        for _ in range(50):
            states = sorted(part["state"] for part in self.parts())
            if states == ["queued", "running", "settled", "settled"]:
                break
            self.must(["poll"])
        self.must(["retry", self.job.name, "--model", "gpt-5.4-nano", "--yes", "--detach"])
        states = sorted(part["state"] for part in self.parts())
        if states != ["queued", "running", "running", "settled", "settled"]:
            raise RuntimeError(f"the scene does not come about: {states}")
        shutil.rmtree(self.job.home)


class Adopt(Rebuilt):
    """Another program made two batches of a file, one of which expired half done, and sent the rest of it never."""

    command = "adopt"
    kind = ReadyMade
    faults = {"expire_batches": [{"batch": 1, "after_share": 0.5}]}
    batches, rest = 2, 1

    @property
    def words(self):
        return ["adopt", "--requests", str(self.job.input), *self.made, "--name", self.job.name]

    def set_up(self):
        self.job.submit = ["submit", str(self.job.input), "--name", self.job.name, "--probe", "0", "--yes"]
        lines = self.job.input.read_text().splitlines(keepends=True)
        how = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
        self.made = []
        for first in (0, self.per_part):
            file = self.emulator.upload("theirs.jsonl", "".join(lines[first : first + self.per_part]))
            self.made.append(self.emulator.call("POST", "/v1/batches", {**how, "input_file_id": file})["id"])
        self.await_server(lambda l: all(b["ended_at"] for b in l["batches"]))


class Reused(Scene):
    """Of eight items, two ask what an earlier job was answered, two ask the same again, and one asks what another of
    this job asks: three are sent. The job is there as a whole or not at all."""

    command = "submit --reuse --dedupe"
    kind = Overlapping
    items, per_part = 8, 2
    options = ["--reuse", "earlier", "--dedupe"]
    leaves = {"there", "not there"}

    @property
    def words(self):
        return self.job.submit

    def set_up(self):
        program, place = self.job.program, self.job.directory / "before"
        earlier = Overlapping(program, place, self.emulator.url, "earlier", items=2, home=self.job.home)
        earlier.history = self.job.history
        if earlier.finish():
            raise RuntimeError(f"the scene does not come about: {self.job.told()}")

    def look(self):
        routes = collections.Counter(part["route"] for part in self.parts())
        self.seen = "there" if routes else "not there"
        return [f"made in part: {routes}"] if routes and routes != {"batch": 2, "reused": 2} else []

    def judge(self):
        ledger = self.emulator.ledger(rows=True)
        found = self.job.judge_result() + judge_ledger(ledger) + self.judge_folder()
        if (ledger["requests_executed"], ledger["requests_billed"]) != (5, 5):
            found.append(f"{ledger['requests_executed']} requests were run, {ledger['requests_billed']} billed, of 5")
        kept = [path.name for path in (self.job.home / "jobs").iterdir() if path.name.startswith(".")]
        return found + ([f"left beside the jobs: {', '.join(kept)}"] if kept else [])


class Copied(Reused):
    """The same; its batches have ended, and what they brought is copied."""

    command = "poll that copies"
    words = ["poll"]
    leaves = set()

    def set_up(self):
        super().set_up()
        self.must([*self.job.submit, "--detach"])
        self.await_server(lambda l: len(l["batches"]) == 3 and all(b["ended_at"] for b in l["batches"]))


SCENES = [Submit, Poll, Fetch, Run, Deliver, Cancel, Abandon, Retry, Resend, Cut, Join]
SCENES += [CleanAll, CleanLocal, CleanRemote, Recover, Adopt, Reused, Copied]
