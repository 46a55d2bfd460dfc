"""The disk is lost: whole jobs whose state root is removed at random moments between commands, several times each.

Each case follows from the seed and its number, which also picks the kind of its requests. The server makes random
faults as in chaos.py, commands are killed at random, and again and again the whole state root goes, with all that was
known. Then `recover` brings the job back, itself killed now and then; where it says that the server has no batch of
such a job, nothing was bought, and `submit` makes the job anew. In the end nothing goes wrong at the calls any more,
and plain commands bring the job to its end.

What must hold is what must hold without a loss: every item in one outcome, in order, with the right text; whoever has
an answer was billed once, whoever was billed has the answer, or its text was of no use; no request ran again after it
was answered; no part had two batches at once.

What is lost with the state, and may be: how often the items of a part were sent that has no batch yet. Its items are
those that no batch holds, sent for the first time again, or what is left of an older batch, which tells how often.
None of them had succeeded. A `retry` is lost with them where it had no batch: its items are failed again, as they were.
Nothing else is: the server keeps metadata and files, which the fault `list_without_metadata` of chaos.py would break:
it is left out. A listing may lag by less than `--adopt-grace`: what was under way when the state went shows in time,
since its request file is listed by then. Whoever lost a disk needs longer to say `recover` than that file needs to show,
and so does this proof, but no longer.
"""

import collections
import concurrent.futures
import json
import random
import shutil
import time

from chaos import ANY, UNUSABLE, Chaos, faults_of
from clock import by_clock, check_faketime, come_to_end
from kinds import Documents, Packed, PackedWithIds, Plain, ReadyMade, WithIds
from replies import figures
from stage import Emulator, judge_ledger, remove

AT_ONCE = 14  # most of a case is waiting
DEFAULT_RUNS = 100
GRACE = "2s"  # listings lag by 0.3 s
MOST_TRIES = 12  # of `recover` under faults
EARLY = 0.5  # of losses, so many soon after the job was made


class Shape:
    """A kind of requests, and what makes its case."""

    def __init__(self, kind, faults=None, options=(), learns=False, retries=False):
        self.kind, self.faults, self.options = kind, faults or {}, options
        self.learns, self.retries = learns, retries


PASSING = {"never_ran_share": 0.15, "transient_share": 0.15, "drop_share": 0.1}
SHAPES = {
    "plain": Shape(Plain),
    "ids": Shape(WithIds),
    "packs": Shape(Packed, {"fail_share": 0.05}),
    "packs with ids": Shape(PackedWithIds, {"fail_share": 0.05}),
    "schema": Shape(Documents),
    "ready-made": Shape(ReadyMade),
    "cut": Shape(WithIds, {"enqueued_token_limit": 300}, learns=True),
    "attempts": Shape(Plain, {**PASSING, "passing_after": 3}, ["--max-attempts", "6"]),
    "retries": Shape(WithIds, {**PASSING, "passing_after": 2}, ["--max-attempts", "1"], retries=True),
    "ready-made retries": Shape(ReadyMade, {**PASSING, "passing_after": 2}, ["--max-attempts", "1"], retries=True),
}


def judge_items(job, ledger):
    """What was bought has come home, and was bought once."""
    found = []
    paid = job.billed(ledger)
    for i, line in enumerate(job.result.read_text().splitlines()):
        record = json.loads(line)
        code = (record["error"] or {}).get("code")
        if record["status"] == "succeeded" and paid[i] != 1:
            found.append(f"item {i} succeeded and was billed {paid[i]} times")
        if record["status"] == "failed" and paid[i] > 0 and code not in UNUSABLE:
            found.append(f"item {i} was billed {paid[i]} times, and failed: {record['error']}")
    return found[:5]


class LostState:
    def __init__(self, stage):
        self.stage = stage
        self.seen = collections.Counter()

    def case(self, number):
        dice = random.Random(f"{self.stage.seed}/{number}")
        name, shape = list(SHAPES.items())[number % len(SHAPES)]
        faults = {**faults_of(dice), **shape.faults}
        faults.pop("list_without_metadata", None)
        place = self.stage.directory / f"lost-{number}"
        with Emulator(self.stage.program, place / "emulator", faults, dice.randrange(2**31)) as emulator:
            items = dice.randint(40, 120)
            job = shape.kind(
                self.stage.program,
                place,
                emulator.url,
                f"l{number}",
                items,
                self.per_part(shape, items, dice),
                GRACE,
                learns=shape.learns,
            )
            job.submit += shape.options
            found = []
            for _ in range(dice.randint(2, 4)):
                found += self.live(job, shape, dice)
                found += self.lose(job, emulator, faults, dice)
            return name, job, *self.verdict(emulator, job, found, faults), faults

    @staticmethod
    def per_part(shape, items, dice):
        requests = -(-items // 4) if issubclass(shape.kind, Packed) else items
        return -(-requests // dice.randint(3, 6))

    def live(self, job, shape, dice):
        """Some commands, most of them killed."""
        found = []
        words = [job.submit, job.submit, job.submit + ["--detach"], job.poll, job.fetch]
        if shape.retries:
            again = ["retry", job.name, "--where", "paid=false", "--yes"]
            words += [job.fetch, again, again + ["--max-output-tokens", "80"]]
        for _ in range(1 if dice.random() < EARLY else dice.randint(2, 5)):
            ended = Chaos.maybe_killed(job, dice.choice(words), dice)
            unknown = ended.exit == 64 and ended.words[0] in ("fetch", "retry")  # no submit has come so far yet
            if ended.exit not in {0, 3, 5, 75, -9} and not unknown:
                found.append(f"amid faults: {ended}")
        return found

    def lose(self, job, emulator, faults, dice):
        """The state root goes; `recover` until the job is there, or was never known to the server."""
        shutil.rmtree(job.home, ignore_errors=True)
        time.sleep(faults.get("list_lag_ms", 0) / 1000)
        words = ["recover", job.name, "--adopt-grace", GRACE]
        killed = False
        for turn in range(MOST_TRIES):
            if turn == MOST_TRIES // 2:
                emulator.change({**faults, "http": []})
            if dice.random() < 0.3:
                ended = Chaos.maybe_killed(job, words, dice)
            else:
                ended = job.run(words)
            if ended.exit == -9:
                killed = True
            elif ended.exit == 0:
                self.seen["recovered"] += 1
                break
            elif ended.exit == 64 and "the server has no batch" in ended.err:
                self.seen["unknown to the server"] += 1
                break
            elif ended.exit == 64 and killed and "there is a job" in ended.err:
                self.seen["recovered, and killed"] += 1
                break
            elif ended.exit != 75:
                return [f"lost: {ended}"]
        else:
            return [f"not recovered: {ended}"]
        emulator.change(faults)
        return []

    def verdict(self, emulator, job, found, faults):
        emulator.change({**faults, "http": []})
        found = found + come_to_end(emulator, job)
        ledger = emulator.ledger(rows=True)
        emulator.change({})
        job.learn(emulator)
        found += job.judge_result(may_fail=ANY) + judge_ledger(ledger, forgiven={"executed_twice"})
        if job.result.exists():
            found += judge_items(job, ledger)
        return found, figures(ledger)


def prove(stage):
    check_faketime()
    runs = stage.runs or DEFAULT_RUNS
    lost = LostState(stage)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        tried = pool.map(stage.guarded(lost.case), range(runs))
        for number, (name, job, found, told, faults) in enumerate(tried):
            stage.judge(f"lost {number}, {name}, faults {json.dumps(faults)}", found, job, told)
            if not found:
                remove(job.directory.parent)
    stage.say(f"  {', '.join(f'{word}: {n}' for word, n in sorted(lost.seen.items()))}")
    stage.judge("state is really lost and recovered", [] if lost.seen["recovered"] else ["no job was recovered"])
