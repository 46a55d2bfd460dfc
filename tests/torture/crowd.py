"""Eight processes on one job, and two jobs in one queue.

A round: a fresh state root, and eight processes at once: submit, poll and fetch, some of them a moment later. Each ends
well or says that another one is at work. Then the job is brought to its end and judged. Before that, two jobs of one
account share the enqueued tokens of one model, which admit one part of all: their parts go one after the other, by
`poll` alone, in clock time that is made to pass by faketime.
"""

import concurrent.futures
import random
import time

from clock import by_clock, check_faketime
from replies import figures
from stage import Emulator, Job, Rows, Skipped, judge_ledger, remove

DEFAULT_ROUNDS = 50
PROCESSES = 8
AT_ONCE = 2  # rounds
# 64: `fetch` before the job is there. 5: not finished yet. 75: another process works on it.
WELL = {"submit": {0, 75}, "poll": {0, 75}, "fetch": {0, 5, 64, 75}}


class Crowd:
    def __init__(self, stage):
        self.stage = stage

    def round(self, number):
        dice = random.Random(f"{self.stage.seed}/{number}")
        place = self.stage.directory / f"round-{number}"
        faults = {"in_progress_ms": dice.choice([0, 100, 400])}
        with Emulator(self.stage.program, place / "emulator", faults) as emulator:
            job = Job(self.stage.program, place, emulator.url, f"round-{number}")
            words = [job.submit, job.submit, job.submit + ["--detach"], job.poll, job.poll]
            words += [job.fetch, job.fetch, dice.choice([job.submit, job.poll, job.fetch])]
            dice.shuffle(words)
            running = []
            for line in words[:PROCESSES]:
                running.append((job.start(line), line))
                time.sleep(dice.choice([0, 0, 0, 0.05, 0.2]))
            found = []
            for process, line in running:
                ended = job.wait(process, line)
                if ended.exit not in WELL[line[0]]:
                    found.append(f"in the crowd: {ended}")
            found += job.finish()
            ledger = emulator.ledger(rows=True)
            found += job.judge_result() + judge_ledger(ledger) + Rows(ledger).judge(job)
            if ledger["batches_created"] != 2:
                found.append(f"{ledger['batches_created']} batches for 2 parts")
            return job, found, figures(ledger)


def queue(stage):
    """Parts of 30 tokens, a limit of 50: one at a time."""
    check_faketime()
    faults = {"enqueued_token_limit": 50, "in_progress_ms": 300}
    place = stage.directory / "queue"
    with Emulator(stage.program, place / "emulator", faults) as emulator:
        home = place / "home"
        jobs = [Job(stage.program, place, emulator.url, name, home=home, learns=True) for name in ("one", "two")]
        found = []
        for process, job in [(job.start(job.submit + ["--detach"]), job) for job in jobs]:
            ended = job.wait(process, job.submit)
            if ended.exit != 0:
                found.append(f"{ended}")
        pending = list(jobs)
        for minutes in range(2, 400, 3):  # of clock time, of which little passes
            ended = jobs[0].run(["poll"], by_clock(f"+{minutes}m"))
            if ended.exit != 0:
                found.append(f"{ended}")
                break
            pending = [job for job in pending if job.run(job.fetch_now).exit == 5]
            if not pending:
                break
            time.sleep(0.2)
        ledger = emulator.ledger(rows=True)
        for job in jobs:
            found += job.judge_result() + Rows(ledger).judge(job)
        stage.say(f"two jobs in one queue: refused for room {ledger['refused_for_room']} times")
        forgiven = {"peak_live_batches_per_content"} if ledger["refused_for_room"] else set()
        stage.judge("two jobs in one queue", found + judge_ledger(ledger, forgiven), jobs[0], figures(ledger))


def drain(stage):
    """40 parts of 33 to 36 tokens, a limit of 120: the limit is learned, and `poll` alone sends them all."""
    check_faketime()
    faults = {"enqueued_token_limit": 120, "in_progress_ms": 300}
    place = stage.directory / "drain"
    with Emulator(stage.program, place / "emulator", faults) as emulator:
        job = Job(stage.program, place, emulator.url, "drain", 120, 3, learns=True)
        found = [f"{ended}" for ended in [job.run(job.submit + ["--detach"])] if ended.exit != 0]
        for minutes in range(2, 900, 3):
            ended = job.run(job.poll, by_clock(f"+{minutes}m"))
            if "no open jobs" in ended.err:
                break
            time.sleep(0.15)
        job.run(job.fetch)
        ledger = emulator.ledger(rows=True)
        found += job.judge_result() + Rows(ledger).judge(job)
        if ledger["refused_for_room"] > 2:
            found.append(f"refused for room {ledger['refused_for_room']} times")
        stage.judge("40 parts and room for 3", found, job, figures(ledger))


def prove(stage):
    rounds = stage.runs or DEFAULT_ROUNDS
    crowd = Crowd(stage)
    try:
        queue(stage)
        drain(stage)
    except Skipped as why:
        stage.say(f"skipped, two jobs in one queue: {why}")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for number, (job, found, told) in enumerate(pool.map(stage.guarded(crowd.round), range(rounds))):
            stage.judge(f"round {number} of {PROCESSES} processes", found, job, told)
            if not found:
                remove(job.directory.parent)
