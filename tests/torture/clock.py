"""The clock jumps by hours between commands, forward and back (faketime), also while a reply is lost.

Each case draws its jumps from the seed: every command of a job has a clock of its own, up to twelve hours off, and is
ended after some seconds, since it may wait for an hour that is not to come. With half of the cases the answer to a
POST gets lost after its effect, so that the listing is read by a clock that is not the one the intent was written by.
Nothing is sent twice, and the job comes to its end by the right one, which passes: what a clock that was ahead put
off is done when that hour comes.
"""

import concurrent.futures
import functools
import random
import shutil
import subprocess
import time

from replies import figures
from stage import LONGEST, ORDERLY, Emulator, Job, Rows, Skipped, judge_ledger, remove

AT_ONCE = 8
PATIENCE = 4  # seconds that a command by a wrong clock may take
DEFAULT_RUNS = 40
ROUNDS, ROUND_MINUTES = 20, 20
LOST = [
    {"method": "POST", "path": "/v1/batches", "nth": 1, "phase": "after-effect", "action": "reset"},
    {"method": "POST", "path": "/v1/batches", "nth": [1, 2], "phase": "after-effect", "action": "status", "status": 500},
    {"method": "POST", "path": "/v1/files", "nth": 1, "phase": "after-effect", "action": "reset"},
]


@functools.cache
def faketime_library():
    """The library itself: the command `faketime` would add a process, which leaves names of its own when killed."""
    if not shutil.which("faketime"):
        raise Skipped("faketime is not installed (scripts/setup does it)")
    said = subprocess.run(["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True)
    return said.stdout.strip()


def by_clock(jump):
    """What runs a command by another clock; waiting goes on as ever."""
    return ["env", f"LD_PRELOAD={faketime_library()}", f"FAKETIME={jump}", "FAKETIME_DONT_FAKE_MONOTONIC=1"]


def check_faketime():
    said = subprocess.run([*by_clock("+400d"), "date", "+%s"], capture_output=True, text=True).stdout
    now = subprocess.run(["date", "+%s"], capture_output=True, text=True).stdout
    if int(said or 0) - int(now) < 300 * 86400:
        raise Skipped("faketime does not move the clock here")


def come_to_end(emulator, job, longest=LONGEST, well=ORDERLY):
    """Goes on by plain commands that do not wait, while time passes on both sides."""
    for turn in range(ROUNDS):
        for words in (job.submit + ["--detach"], job.poll, job.fetch_now):
            ended = job.run(words, by_clock(f"+{turn * ROUND_MINUTES}m"), longest=longest)
            if ended.exit not in well:
                return [f"going on: {ended}"]
        if ended.exit in (0, 3):
            return []
        time.sleep(0.2)
        emulator.call("POST", "/emulator/clock", {"advance_ms": ROUND_MINUTES * 60_000})
    return [f"not at its end after {ROUNDS} rounds: {ended}"]


class Clock:
    def __init__(self, stage):
        self.stage = stage

    def case(self, number):
        dice = random.Random(f"{self.stage.seed}/{number}")
        place = self.stage.directory / f"clock-{number}"
        lost = [dice.choice(LOST)] if number % 2 else []
        with Emulator(self.stage.program, place / "emulator", {"in_progress_ms": 300, "http": lost}) as emulator:
            job = Job(self.stage.program, place, emulator.url, f"clock-{number}")
            found = []
            for words in [job.submit + ["--detach"], job.poll, job.submit, job.poll]:
                jump = dice.choice(["+", "-"]) + str(dice.choice([0, 30, 600, 3600, 6 * 3600, 12 * 3600]))
                process = job.start(words, by_clock(f"{jump}s"))
                # Killed early, it has not looked yet whether its call arrived: the next one looks, by another clock.
                early = lost and words is not job.poll and dice.random() < 0.5
                ended = job.wait(process, [f"({jump} s)", *words], 0.7 if early else PATIENCE)
                if ended.exit not in {0, 5, 75, "hung"}:
                    found.append(f"by a clock {jump} s off: {ended}")
            found += come_to_end(emulator, job, PATIENCE, {*ORDERLY, "hung"})
            return job, *self.verdict(emulator, job, found)

    def ahead_at_the_intent(self):
        """A clock that is half a day ahead while a batch is created and its answer lost, and right half a day later."""
        place = self.stage.directory / "ahead"
        with Emulator(self.stage.program, place / "emulator", {"http": LOST[:1]}) as emulator:
            job = Job(self.stage.program, place, emulator.url, "ahead")
            job.wait(job.start(job.submit, by_clock("+12h")), ["(+12 h)", *job.submit], 0.7)
            emulator.call("POST", "/emulator/clock", {"advance_ms": 12 * 3600 * 1000})
            found = job.finish(before=by_clock("+12h"))  # right, by the server's clock
            return job, *self.verdict(emulator, job, found)

    @staticmethod
    def verdict(emulator, job, found):
        ledger = emulator.ledger(rows=True)
        found = found + job.judge_result() + judge_ledger(ledger) + Rows(ledger).judge(job)
        if ledger["most_batches_per_content"] > 1:
            found.append(f"most_batches_per_content is {ledger['most_batches_per_content']}")
        return found, figures(ledger)


def prove(stage):
    check_faketime()
    clock = Clock(stage)
    job, found, told = clock.ahead_at_the_intent()
    stage.judge("a clock ahead at the intent", found, job, told)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for number, (job, found, told) in enumerate(
            pool.map(stage.guarded(clock.case), range(stage.runs or DEFAULT_RUNS))
        ):
            stage.judge(f"clock {number}", found, job, told)
            if not found:
                remove(job.directory.parent)
