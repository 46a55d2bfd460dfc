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
import dataclasses
import json
import random
import shutil
import time

from chaos import ANY, Chaos, faults_of, judge_items
from clock import check_faketime, come_to_end
from kinds import Documents, Packed, PackedWithIds, Plain, ReadyMade, TwoFiles
from replies import figures
from stage import Emulator, Job, judge_ledger, remove

AT_ONCE = 14  # most of a case is waiting
DEFAULT_RUNS = 100
GRACE = "2s"  # listings lag by 0.3 s
MOST_TRIES = 12  # of `recover` under faults
ENOUGH = 50  # cases of which each thing is to be seen


@dataclasses.dataclass
class Shape:
    """A kind of requests, and what makes its case."""

    kind: type
    faults: dict = dataclasses.field(default_factory=dict)
    options: tuple = ()
    learns: bool = False  # the room at the server
    retries: bool = False  # `retry` is among its commands


PASSING = {"never_ran_share": 0.15, "transient_share": 0.15, "drop_share": 0.1}
SHAPES = {
    "plain": Shape(Plain),
    "ids": Shape(Job),
    "packs": Shape(Packed, {"fail_share": 0.05}),
    "packs with ids": Shape(PackedWithIds, {"fail_share": 0.05}),
    "schema": Shape(Documents),
    "ready-made": Shape(ReadyMade),
    "two files": Shape(TwoFiles),
    "cut": Shape(Job, {"enqueued_token_limit": 200}, learns=True),
    "attempts": Shape(Plain, {**PASSING, "passing_after": 3}, ("--max-attempts", "6")),
    "retries": Shape(Job, {**PASSING, "passing_after": 2}, ("--max-attempts", "1"), retries=True),
    "ready-made retries": Shape(ReadyMade, {**PASSING, "passing_after": 2}, ("--max-attempts", "1"), retries=True),
}


class LostState:
    def __init__(self, stage):
        self.stage = stage
        self.seen = collections.Counter()

    def case(self, number):
        dice = random.Random(f"{self.stage.seed}/{number}")
        name, shape = list(SHAPES.items())[number % len(SHAPES)]
        faults = {**faults_of(dice), **shape.faults, "in_progress_ms": dice.choice([0, 300, 1500, 4000])}
        faults.pop("list_without_metadata", None)
        place = self.stage.directory / f"lost-{number}"
        with Emulator(self.stage.program, place / "emulator", faults, dice.randrange(2**31)) as emulator:
            items = dice.randint(40, 120)
            per_part = self.per_part(shape, items, dice)
            where = (self.stage.program, place, emulator.url, f"l{number}")
            job = shape.kind(*where, items, per_part, GRACE, learns=shape.learns)
            job.submit += shape.options
            found, is_known = [], False
            for _ in range(dice.randint(2, 4)):
                found += self.live(job, shape, dice, is_known)
                lost, is_known = self.lose(job, emulator, faults, dice)
                found += lost
            return name, job, *self.verdict(emulator, job, found, faults), faults

    @staticmethod
    def per_part(shape, items, dice):
        requests = -(-items // 4) if issubclass(shape.kind, Packed) else items
        return -(-requests // dice.randint(3, 6))

    def live(self, job, shape, dice, is_known):
        """Some commands, most of them killed. One that is not known yet is to be made."""
        found = []
        words = [job.submit, job.submit, job.submit + ["--detach"], job.poll, job.fetch]
        if shape.retries:
            again = ["retry", job.name, "--where", "paid=false", "--yes"]
            words += [job.fetch, again, again if isinstance(job, ReadyMade) else again + ["--max-output-tokens", "80"]]
        for turn in range(dice.randint(1, 5)):
            ended = Chaos.maybe_killed(job, dice.choice(words[:3] if turn == 0 and not is_known else words), dice)
            unknown = ended.exit == 64 and "there is no job" in ended.err  # submit was killed before it had made it
            consent = ended.exit == 64 and ended.words[0] == "retry" and is_known  # of a rebuilt one `submit` is first
            if ended.exit not in {0, 3, 5, 75, -9} and not unknown and not consent:
                found.append(f"amid faults: {ended}")
        return found

    def lose(self, job, emulator, faults, dice):
        """The state root goes; `recover` until the job is there, or was never known to the server. Returns findings,
        and whether it is there."""
        shutil.rmtree(job.home, ignore_errors=True)
        time.sleep(faults.get("list_lag_ms", 0) / 1000)
        words = ["recover", job.name, "--adopt-grace", GRACE]
        killed = False
        for turn in range(MOST_TRIES):
            if turn == MOST_TRIES // 2:
                emulator.change({**faults, "http": []})
            ended = Chaos.maybe_killed(job, words, dice) if dice.random() < 0.3 else job.run(words)
            killed = killed or ended.exit == -9
            is_known = ended.exit == 0 or (ended.exit == 64 and killed and "there is a job" in ended.err)
            if is_known:
                self.note(job)
                break
            if ended.exit == 64 and "the server has no batch" in ended.err:
                self.seen["unknown to the server"] += 1
                break
            if ended.exit not in {75, -9}:
                return [f"lost: {ended}"], False
        else:
            return [f"not recovered: {ended}"], False
        emulator.change(faults)
        return [], is_known

    def note(self, job):
        """What the rebuilt job is like, so that the proof can tell that it tried them all."""
        self.seen["recovered"] += 1
        said = job.run(["status", job.name, "--offline", "--json"])
        parts = json.loads(said.out)["parts"] if said.exit == 0 else []
        sent = [part for part in parts if part["batch_id"]]
        self.seen["with later attempts"] += any(part["attempt"] > 1 for part in sent)
        self.seen["with items in no batch"] += len(sent) < len(parts)
        self.seen["with batches at work"] += any(part["batch_status"] == "in_progress" for part in sent)

    def verdict(self, emulator, job, found, faults):
        emulator.change({**faults, "http": []})
        found = found + come_to_end(emulator, job)
        ledger = emulator.ledger(rows=True)
        self.seen["refused for room"] += ledger["refused_for_room"] > 0
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
    wanted = ["recovered", "with later attempts", "with items in no batch", "with batches at work", "refused for room"]
    unseen = [word for word in (wanted if runs >= ENOUGH else wanted[:1]) if not lost.seen[word]]
    stage.judge("state is really lost and recovered", [f"never seen: {', '.join(unseen)}"] if unseen else [])
