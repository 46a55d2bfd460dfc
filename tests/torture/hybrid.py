"""Urgent items in real time, all others by batch, some failing and one batch expired: one result, nothing bought twice.

Each case follows from the seed and its number. 5% of the items are urgent, 3% fail once with a 500, one batch expires
at 40%. What must hold: one merged file, complete, in input order; every item run once, but for those that fail, which
are run once more (who they are follows from the texts and the seed, and is worked out here), and bought once, by the
route its record names; attempts that tell just that; costs by the price list, batches at half price.
"""

import concurrent.futures
import random

from replies import figures
from routes import Routed, failures, judge_attempts, judge_money, judge_routes
from stage import Emulator, judge_ledger, remove

AT_ONCE = 2
DEFAULT_RUNS = 3
LONGEST = 500
FAILING, UNDONE, URGENT_OF = 0.03, 0.4, 20
MASK = 2**64 - 1


def fnv1a(text):
    told = 0xCBF29CE484222325
    for byte in text.encode():
        told = (told ^ byte) * 0x100000001B3 & MASK
    return told


def mixed(x):
    x = x + 0x9E3779B97F4A7C15 & MASK
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def fails(body_sha256, seed):
    """As lib/batchwright/emulator/faults.hpp says."""
    return (mixed(fnv1a(body_sha256) ^ mixed(seed)) >> 11) / 2**53 < FAILING


class Hybrid:
    def __init__(self, stage):
        self.stage = stage

    def case(self, number):
        dice = random.Random(f"{self.stage.seed}/{number}")
        return self.run(dice, f"hybrid-{number}", 1000, dice.choice([150, 250, 400]))

    def large(self):
        return self.run(random.Random(f"{self.stage.seed}/large"), "hybrid-large", 20_000, 5000)

    def run(self, dice, name, items, per_part):
        parts = -(-(items - items // URGENT_OF) // per_part)
        expires = dice.randint(1, parts)
        faults = {"in_progress_ms": dice.choice([100, 400]), "chat_latency_ms": dice.choice([0, 10, 40])}
        faults |= {"transient_share": FAILING, "expire_batches": [{"batch": expires, "after_share": UNDONE}]}
        seed = dice.randrange(2**31)
        place = self.stage.directory / name
        with Emulator(self.stage.program, place / "emulator", faults, seed) as emulator:
            urgent = ["--urgent", "tier=gold"]
            job = Routed(self.stage.program, place, emulator.url, name, items, per_part, urgent, URGENT_OF)
            ended = job.run(job.whole, longest=LONGEST)
            found = [f"{ended}"] if ended.exit != 0 else []
            ledger = emulator.ledger(rows=True)
            found += job.judge_result() + judge_ledger(ledger)
            if job.result.exists():
                found += self.judge_runs(job, ledger, seed) + judge_money(job)
            if ledger["batches_created"] != parts:
                found.append(f"{ledger['batches_created']} batches for {parts} parts")
            return job, found, figures(ledger)

    @staticmethod
    def judge_runs(job, ledger, seed):
        rows, found = job.rows(ledger), []
        for i, row in enumerate(rows):
            runs = row["batch_executed"] + row["live_executed"]
            expected = 2 if fails(job.body_sha256(i), seed) else 1
            if runs != expected:
                found.append(f"item {i} was run {runs} times, not {expected}")
            if row["batch_executed"] > (0 if job.is_urgent(i) else 1):
                found.append(f"item {i} ({job.tier(i)}) was run {row['batch_executed']} times in batches")
        expired = [i for i, row in enumerate(rows) if row["batch_executed"] == 0 and not job.is_urgent(i)]
        undone = [b["requests"] - b["executed"] for b in ledger["batches"] if b["status"] == "expired"]
        if len(undone) != 1 or undone[0] == 0 or len(expired) != undone[0]:
            found.append(f"of what batches left undone, {undone}, {len(expired)} were run in real time")
        left = set(expired)
        # In real time a failure may cost none: where nobody was answered meanwhile, it is the server's.
        known = [(i in left) + row["batch_executed"] - row["batch_billed"] for i, row in enumerate(rows)]
        found += judge_attempts(job, lambda i: known[i], lambda i: (i in left) + failures(rows[i]))
        return found[:5] + judge_routes(job, rows)


def prove(stage):
    hybrid = Hybrid(stage)
    if stage.large:
        job, found, told = hybrid.large()
        stage.judge(f"{job.items} items", found, job, told)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        cases = pool.map(stage.guarded(hybrid.case), range(stage.runs or DEFAULT_RUNS))
        for number, (job, found, told) in enumerate(cases):
            stage.judge(f"hybrid {number}", found, job, told)
            if not found:
                remove(job.directory.parent)
