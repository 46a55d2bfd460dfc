"""Deadlines that come while batches run, and batches that rest at 97%: stopped, harvested, finished in real time.

Some by a clock that is made to pass, hours of it, while only `poll` looks at the job, every five minutes; others by
short times, with one command that stays, which half of the cases kill once on the way. What must hold: every item has
its answer, bought once, by one route, never run by both, at no attempt's cost; what batches had finished counts; the
deadline is kept, and batches are left no earlier than they must be; of batches that do not rest, none is stopped.
"""

import concurrent.futures
import contextlib
import os
import random
import signal
import time

from clock import by_clock, check_faketime
from replies import figures
from routes import Routed, failures, judge_attempts, judge_money, judge_named, judge_routes
from stage import Emulator, Job, Skipped, judge_ledger, remove

AT_ONCE = 6  # most of a case is waiting
DEFAULT_RUNS = 6
LONGEST = 200
POLLS = 5  # minutes from one to the next
DEADLINE = 7  # seconds
DAY = 86_400_000


class Deadlines:
    def __init__(self, stage):
        self.stage = stage

    # By a clock that is made to pass.

    def deadline_by_hours(self, hours):
        """Batches that take a day."""
        faults = {"in_progress_ms": DAY, "chat_latency_ms": 5}
        with self.world(f"hours-{hours}", faults) as (emulator, place):
            job = self.job(place, emulator, f"hours-{hours}", 120, 40, ["--deadline", f"{hours}h"])
            stopped, done, found = self.pass_hours(emulator, job, hours)
            # Polling and stopping take 15 minutes, the rest of it seconds.
            if not hours * 60 - 40 <= stopped <= done < hours * 60:
                found.append(f"stopped after {stopped} minutes, done after {done}, of {hours} hours")
            return job, *self.verdict(emulator, job, found, cancelled=3)

    def patience_by_hours(self, hours):
        """One of three batches rests at 97%, the others are done after an hour."""
        faults = {"in_progress_ms": 3_600_000, "stuck_batches": [{"batch": 2, "after_share": 0.97}]}
        with self.world(f"patience-{hours}", faults) as (emulator, place):
            job = self.job(place, emulator, f"patience-{hours}", 300, 100, ["--patience", f"{hours}h"])
            stopped, done, found = self.pass_hours(emulator, job, hours + 2)
            if not hours * 60 + 55 <= stopped <= done < hours * 60 + 80:
                found.append(f"stopped after {stopped} minutes, done after {done}")
            found += self.judge_rest(emulator, job, 3)
            return job, *self.verdict(emulator, job, found, cancelled=1)

    @staticmethod
    def pass_hours(emulator, job, hours):
        """`poll`, as a timer calls it; when batches were first stopped, and when the job was done, in minutes."""
        ended = job.run([*job.submit, "--detach"], by_clock("+0m"))
        found, stopped = [f"{ended}"] if ended.exit != 0 else [], None
        for minutes in range(POLLS, hours * 60, POLLS):
            emulator.call("POST", "/emulator/clock", {"advance_ms": POLLS * 60_000})
            ended = job.run(job.poll, by_clock(f"+{minutes}m"))
            if ended.exit != 0:
                found.append(f"{ended}")
            if stopped is None and emulator.ledger()["cancels_asked"] > 0:
                stopped = minutes
            if "no open jobs" in ended.err or job.figures()["state"] == "done":
                break
        ended = job.run(job.fetch_now, by_clock(f"+{minutes}m"))
        return stopped or -1, minutes, found + ([f"{ended}"] if ended.exit != 0 else [])

    # By short times.

    def case(self, number):
        dice = random.Random(f"{self.stage.seed}/{number}")
        struck = number % 4 >= 2
        return self.patience(dice, number, struck) if number % 2 else self.deadline(dice, number, struck)

    def deadline(self, dice, number, struck):
        faults = {"in_progress_ms": dice.choice([20_000, 40_000, 60_000])}
        faults |= {"cancelling_ms": dice.choice([50, 400, 1000])}
        faults |= {"chat_latency_ms": dice.choice([5, 50]), "transient_share": dice.choice([0, 0.05])}
        items, parts = dice.randint(100, 400), dice.randint(1, 4)
        return self.run_deadline(dice, f"deadline-{number}", faults, items, parts, DEADLINE, struck)

    def large(self):
        """250 requests a second, of which it takes twenty seconds at the least."""
        faults = {"in_progress_ms": 200_000, "cancelling_ms": 1000, "chat_latency_ms": 50}
        faults |= {"rate": {"rpm": 15_000, "window_ms": 1000}}
        return self.run_deadline(random.Random(0), "deadline-large", faults, 6000, 4, 60, struck=False)

    def run_deadline(self, dice, name, faults, items, parts, deadline, struck):
        with self.world(name, faults, dice.randrange(2**31)) as (emulator, place):
            job = self.job(place, emulator, name, items, -(-items // parts), ["--deadline", f"{deadline}s"])
            found = self.warm_up(job)
            if struck:
                self.kill_once(emulator, job, dice, deadline)
            begun = time.monotonic()
            ended = job.run(job.whole, longest=LONGEST)
            took = time.monotonic() - begun
            found += [f"{ended}"] if ended.exit != 0 else []
            if took > deadline * 1.5 + 3:  # on a machine that has much else to do
                found.append(f"a deadline of {deadline} s, done after {took:.1f} s")
            return job, *self.verdict(emulator, job, found, cancelled=parts, struck=struck)

    def patience(self, dice, number, struck):
        parts, per_part = dice.randint(1, 4), dice.choice([50, 100, 200])
        rests = dice.randint(1, parts)
        faults = {"in_progress_ms": dice.choice([500, 1500]), "cancelling_ms": dice.choice([50, 400])}
        faults |= {"stuck_batches": [{"batch": rests, "after_share": dice.choice([0.92, 0.97, 0.99])}]}
        with self.world(f"rests-{number}", faults) as (emulator, place):
            job = self.job(place, emulator, f"rests-{number}", parts * per_part, per_part, ["--patience", "1s"])
            if struck:
                self.kill_once(emulator, job, dice, 4)
            ended = job.run(job.whole, longest=LONGEST)
            found = [f"{ended}"] if ended.exit != 0 else []
            found += self.judge_rest(emulator, job, parts)
            return job, *self.verdict(emulator, job, found, cancelled=1, struck=struck)

    # What cases are made of.

    @contextlib.contextmanager
    def world(self, name, faults, seed=0):
        place = self.stage.directory / name
        with Emulator(self.stage.program, place / "emulator", faults, seed) as emulator:
            yield emulator, place

    def job(self, place, emulator, name, items, per_part, options):
        return Routed(self.stage.program, place, emulator.url, name, items, per_part, options)

    @staticmethod
    def warm_up(job):
        """Lets the state root know how fast answers come."""
        warm = Job(job.program, job.directory, job.environment["OPENAI_BASE_URL"], "warm", 1, home=job.home)
        ended = warm.run(["run", *warm.submit[1:], "--mode", "realtime", "-o", str(warm.result)])
        return [f"{ended}"] if ended.exit != 0 else []

    @staticmethod
    def kill_once(emulator, job, dice, most):
        """At any moment, or soon after batches were stopped."""
        process, begun = job.start(job.whole), time.monotonic()
        seconds = dice.choice([dice.uniform(0.2, most), None])
        while process.poll() is None and time.monotonic() - begun < (seconds or most):
            if seconds is None and emulator.ledger()["cancels_asked"] > 0:
                time.sleep(dice.uniform(0, 0.8))
                break
            time.sleep(0.02)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        job.wait(process, [f"({time.monotonic() - begun:.1f} s)", *job.whole])

    @staticmethod
    def judge_rest(emulator, job, parts):
        """What the stopped batch left, and nothing else, went in real time."""
        ledger = emulator.ledger(rows=True)
        left = sum(b["requests"] - b["executed"] for b in ledger["batches"] if b["status"] == "cancelled")
        lives = sum(row["live_billed"] > 0 for row in job.rows(ledger))
        found = [] if left == lives > 0 else [f"the stopped batch left {left}, {lives} went in real time"]
        return found + ([] if len(ledger["batches"]) == parts else [f"{len(ledger['batches'])} batches"])

    def verdict(self, emulator, job, found, cancelled, struck=False):
        ledger = emulator.ledger(rows=True)
        # Killed as it sends, it may send that again.
        found = found + job.judge_result() + judge_ledger(ledger, {"answers_beyond_copies"} if struck else ())
        if not job.result.exists():
            return found, figures(ledger)
        rows = job.rows(ledger)
        for total in ("executed_on_both_routes", "billed_on_both_routes"):
            both = sum(row["batch_executed"] > row["batch_billed"] for row in rows)  # failed there
            allowed = both if total == "executed_on_both_routes" else 0
            if ledger[total] > allowed:
                found.append(f"{total} is {ledger[total]}")
        if ledger["batches_cancelled"] != cancelled:
            found.append(f"{ledger['batches_cancelled']} batches were stopped, not {cancelled}")
        if ledger["batch_billed"] == 0 or ledger["live_billed"] == 0:
            found.append("not by both routes")
        if struck:
            found += judge_named(job, rows)
        else:
            found += judge_routes(job, rows)
        batch_failures = [row["batch_executed"] - row["batch_billed"] for row in rows]
        found += judge_attempts(job, lambda i: batch_failures[i], lambda i: failures(rows[i]))
        return found + judge_money(job), figures(ledger)


def prove(stage):
    deadlines, hours = Deadlines(stage), 6 if stage.large else 2
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        long = [("hours until a deadline", deadlines.deadline_by_hours)]
        long += [("hours of patience", deadlines.patience_by_hours)]
        try:
            check_faketime()
            passed = [(name, pool.submit(stage.guarded(case), hours)) for name, case in long]
        except Skipped as why:
            stage.say(f"skipped, hours that pass: {why}")
            passed = []
        if stage.large:
            passed.append(("a deadline at a rate", pool.submit(stage.guarded(deadlines.large))))
        cases = pool.map(stage.guarded(deadlines.case), range(stage.runs or DEFAULT_RUNS))
        for name, waited in passed:
            job, found, told = waited.result()
            stage.judge(name, found, job, told)
        for number, (job, found, told) in enumerate(cases):
            stage.judge(f"{'patience' if number % 2 else 'deadline'} {number}", found, job, told)
            if not found:
                remove(job.directory.parent)
