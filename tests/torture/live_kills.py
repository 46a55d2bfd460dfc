"""Real-time jobs that are killed again and again with 64 requests in flight, and jobs that Ctrl-C stops in order.

A kill comes after a random number of calls, some while the command has not begun to send; `run` or `poll` goes on. What
must hold in the end: every item answered at the first attempt, one answer each in the journals; bought again no more
than 64 requests a kill; and whatever was is counted as possibly billed again, with its cost, item for item. Where
SIGINT or SIGTERM stops it once, it waits for what is in flight: nothing is run again at all, and nothing counted so.
"""

import concurrent.futures
import os
import random
import signal
import time

from replies import figures
from routes import Routed, judge_money, judge_named, judge_no_attempt, judge_routes
from stage import Emulator, judge_ledger, remove

AT_ONCE = 3  # most of a case is waiting
DEFAULT_RUNS = 4
IN_FLIGHT = 64
STEP = 0.01
OPTIONS = ["--mode", "realtime", "--max-in-flight", IN_FLIGHT]


class LiveKills:
    def __init__(self, stage):
        self.stage = stage

    def case(self, number):
        """Of three jobs two are killed, and one is stopped in order."""
        dice = random.Random(f"{self.stage.seed}/{number}")
        return self.stopped(dice, f"stopped-{number}") if number % 3 == 2 else self.killed(dice, f"killed-{number}", 5)

    def large(self):
        return self.killed(random.Random(f"{self.stage.seed}/large"), "killed-large", 30)

    def killed(self, dice, name, kills):
        faults = {"chat_latency_ms": 150, "chat_latency_spread_ms": 150}
        items, most_calls = 200 * kills, 150
        place = self.stage.directory / name
        with Emulator(self.stage.program, place / "emulator", faults) as emulator:
            job = self.job(place, emulator, name, items, dice.choice([items, items // 4]))
            found = []
            for n in range(kills):
                words = dice.choice([job.whole, job.poll]) if n > 0 else job.whole
                calls = 0 if dice.random() < 0.2 and n > 0 else dice.randint(1, most_calls)
                ended = self.struck(emulator, job, words, signal.SIGKILL, calls, dice.uniform(0, 0.2))
                if ended.exit != -signal.SIGKILL:
                    found.append(f"not killed: {ended}")
            ended = job.run(job.whole)
            found += [f"{ended}"] if ended.exit != 0 else []
            ledger = emulator.ledger(rows=True)
            found += self.judge(job, ledger, {"answers_beyond_copies"})  # that came as the client died
            again = ledger["live_billed"] - items
            if not 0 < again <= kills * IN_FLIGHT:
                found.append(f"bought again: {again} with {kills} kills and {IN_FLIGHT} in flight")
            if job.result.exists():
                found += judge_named(job, job.rows(ledger))
            return job, found, {"kills": kills, "again": again, **figures(ledger)}

    def stopped(self, dice, name):
        faults = {"chat_latency_ms": 100, "chat_latency_spread_ms": 400}
        place = self.stage.directory / name
        with Emulator(self.stage.program, place / "emulator", faults) as emulator:
            job = self.job(place, emulator, name, 700, 350)
            found = []
            for n in range(3):
                words = dice.choice([job.whole, job.poll]) if n > 0 else job.whole
                how = dice.choice([signal.SIGINT, signal.SIGTERM])
                ended = self.struck(emulator, job, words, how, dice.randint(1, 150), dice.uniform(0, 0.2))
                if ended.exit != 128 + how:
                    found.append(f"stopped by {how.name}: {ended}")
            ended = job.run(job.whole)
            found += [f"{ended}"] if ended.exit != 0 else []
            ledger = emulator.ledger(rows=True)
            found += self.judge(job, ledger)
            if job.result.exists():
                found += judge_routes(job, job.rows(ledger)) + judge_named(job, job.rows(ledger))
            for total in ("live_calls", "live_executed", "live_billed"):
                if ledger[total] != job.items:
                    found.append(f"{total} is {ledger[total]}, of {job.items} items")
            for total in ("live_cut", "live_unheard", "live_again_after_answer"):
                if ledger[total] != 0:
                    found.append(f"{total} is {ledger[total]}")
            return job, found, figures(ledger)

    def job(self, place, emulator, name, items, per_part):
        return Routed(self.stage.program, place, emulator.url, name, items, per_part, OPTIONS)

    @staticmethod
    def struck(emulator, job, words, how, calls, seconds):
        """The command, struck so long after it made so many calls."""
        before = emulator.ledger()["live_calls"]
        process = job.start(words)
        until = time.monotonic() + 60
        while emulator.ledger()["live_calls"] < before + calls and process.poll() is None:
            if time.monotonic() > until:
                break
            time.sleep(STEP)
        time.sleep(seconds)
        if process.poll() is None:
            os.kill(process.pid, how)
        return job.wait(process, [f"({how.name})", *words])

    @staticmethod
    def judge(job, ledger, forgiven=()):
        found = job.judge_result() + judge_ledger(ledger, forgiven)
        if ledger["batches_created"] > 0:
            found.append(f"{ledger['batches_created']} batches")
        return found + (judge_no_attempt(job) + judge_money(job) if job.result.exists() else [])


def prove(stage):
    kills = LiveKills(stage)
    if stage.large:
        job, found, told = kills.large()
        stage.say(f"{job.items} items, {told['kills']} kills, {told['again']} bought again")
        stage.judge("the large job", found, job, told)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        cases = pool.map(stage.guarded(kills.case), range(stage.runs or DEFAULT_RUNS))
        for number, (job, found, told) in enumerate(cases):
            stage.judge(f"live kills {number}", found, job, told)
            if not found:
                remove(job.directory.parent)
