"""Seeded chaos: whole jobs under random faults of the server, killed at random moments.

Each case follows from the seed and its number. It has 120 to 300 items in 3 to 8 parts, a server with a handful of
faults of every kind, and up to 8 commands, most of them ended by SIGKILL after a random time. Then calls are answered
again (what the server does to items and batches stays as it was), and the job is brought to its end, 20 minutes of
clock time a round on both sides: it may rightly wait.

What must hold: every item in one outcome, in order; whoever has an answer was billed once, whoever was billed has the
answer, or its text was of no use (cut, refused); no request ran again after it was answered; no part had two batches at
once. With `--large` there is also a job of 30,000 items in 6 parts under all faults at once, killed 50 times.
"""

import concurrent.futures
import json
import os
import random
import signal

from clock import check_faketime, come_to_end
from replies import figures
from stage import Emulator, Job, judge_ledger, remove

AT_ONCE = 14  # most of a case is waiting
DEFAULT_RUNS = 100

SHARES = {
    "fail_share": 0.03,
    "never_ran_share": 0.05,
    "transient_share": 0.05,
    "drop_share": 0.03,
    "duplicate_share": 0.05,
    "stranger_share": 0.03,
    "garbage_share": 0.03,
    "unreadable_share": 0.01,
    "truncate_share": 0.03,
    "refuse_share": 0.02,
    "content_filter_share": 0.02,
}
SHAPES = {
    "list_lag_ms": 300,
    "ids_late_ms": 300,
    "list_without_metadata": True,
    "null_request_counts": True,
    "extra_fields": True,
    "no_range": True,
    "absent_file_id": "missing",
    "unknown_status": "warming_up",
}
BATCHES = {
    "expire_batches": {"after_share": 0.4},
    "fail_batches": {"code": "server_error"},
    "miscount_batches": {"completed": 1, "total": 1},
}
CALLS = [
    ("POST", "/v1/files"),
    ("POST", "/v1/batches"),
    ("GET", "/v1/files"),
    ("GET", "/v1/batches"),
    ("GET", "/v1/batches/*"),
    ("GET", "/v1/files/*"),
    ("GET", "/v1/files/*/content"),
]
WAYS = [
    {"phase": "before-effect", "action": "reset"},
    {"phase": "before-effect", "action": "status", "status": 503},
    {"phase": "before-effect", "action": "status", "status": 429},
    {"phase": "before-effect", "action": "delay", "delay_ms": 200},
    {"phase": "after-effect", "action": "reset"},
    {"phase": "after-effect", "action": "status", "status": 500},
    {"phase": "after-effect", "action": "html"},
    {"phase": "after-effect", "action": "garbage"},
    {"phase": "after-effect", "action": "truncate"},
    {"phase": "after-effect", "action": "wrong_length"},
    {"phase": "mid-body", "action": "close"},
    {"phase": "mid-body", "action": "reset"},
    {"phase": "mid-body", "action": "hang", "delay_ms": 0},
]
# Paid, and the answer is there, but of no use; none of them is bought again.
UNUSABLE = {"truncated", "refused", "content_filter", "unreadable_output"}


def faults_of(dice):
    faults = {"in_progress_ms": dice.choice([0, 0, 200, 600]), "passing_after": dice.choice([1, 1, 2, 4])}
    faults.update({share: size for share, size in SHARES.items() if dice.random() < 0.4})
    faults.update({shape: value for shape, value in SHAPES.items() if dice.random() < 0.2})
    for rule, how in BATCHES.items():
        if dice.random() < 0.3:
            faults[rule] = [{"probability": 0.3, **how}]
    faults["http"] = []
    for method, path in CALLS:
        ways = [way for way in WAYS if way["action"] != "hang" or method == "POST"]
        if dice.random() < 0.6:
            rule = {"method": method, "path": path, "probability": dice.choice([0.1, 0.2, 0.4]), **dice.choice(ways)}
            faults["http"].append(rule)
    return faults


def all_faults(dice):
    faults = {"in_progress_ms": 2000, "passing_after": 2, **SHARES, "list_lag_ms": 300, "extra_fields": True}
    faults["expire_batches"] = [{"probability": 0.2, "after_share": 0.4}]
    faults["fail_batches"] = [{"probability": 0.1, "code": "server_error"}]
    ways = [way for way in WAYS if way["action"] != "hang"]
    faults["http"] = [{"method": m, "path": p, "probability": 0.1, **dice.choice(ways)} for m, p in CALLS]
    return faults


def judge_items(job, ledger):
    """What was bought has come home, and was bought once."""
    found, paid = [], job.billed(ledger)
    for i, line in enumerate(job.result.read_text().splitlines()):
        record = json.loads(line)
        code = (record["error"] or {}).get("code")
        if record["status"] == "succeeded" and paid[i] != 1:
            found.append(f"item {i} succeeded and was billed {paid[i]} times")
        if record["status"] == "failed" and paid[i] > 0 and code not in UNUSABLE:
            found.append(f"item {i} was billed {paid[i]} times, and failed: {record['error']}")
    return found[:5]


class Chaos:
    def __init__(self, stage):
        self.stage = stage

    def case(self, number):
        dice = random.Random(f"{self.stage.seed}/{number}")
        items = dice.randint(120, 300)
        return self.run(dice, f"c{number}", faults_of(dice), items, dice.randint(3, 8), dice.randint(3, 8))

    def large(self):
        """30,000 items in 6 parts under all faults at once, killed 50 times."""
        dice = random.Random(f"{self.stage.seed}/large")
        faults = all_faults(dice)
        return self.run(dice, "large", faults, 30_000, 6, commands=250, kills=50)

    def run(self, dice, name, faults, items, parts, commands, kills=None):
        place = self.stage.directory / f"chaos-{name}"
        with Emulator(self.stage.program, place / "emulator", faults, dice.randrange(2**31)) as emulator:
            job = Job(self.stage.program, place, emulator.url, name, items, -(-items // parts))
            found = []
            for _ in range(commands):
                if kills and sum(ended.exit == -9 for ended in job.history) >= kills:
                    break
                words = dice.choice([job.submit, job.submit, job.submit + ["--detach"], job.poll, job.fetch])
                ended = self.maybe_killed(job, words, dice)
                if ended.exit not in {0, 3, 5, 64, 75, -9}:
                    found.append(f"amid faults: {ended}")
            emulator.change({**faults, "http": []})
            found += come_to_end(emulator, job)
            ledger = emulator.ledger(rows=True)
            found += job.judge_result(may_fail=ANY) + judge_ledger(ledger, forgiven={"executed_twice"})
            if job.result.exists():
                found += judge_items(job, ledger)
            return job, found, figures(ledger), faults

    @staticmethod
    def maybe_killed(job, words, dice):
        process = job.start(words)
        seconds = dice.expovariate(4) if dice.random() < 0.8 else 3
        try:
            process.wait(min(seconds, 3))
        except Exception:
            os.killpg(process.pid, signal.SIGKILL)
        return job.wait(process, words)


class Any:
    def __contains__(self, _):
        return True


ANY = Any()  # judge_items looks at the codes


def prove(stage):
    check_faketime()
    runs = stage.runs or DEFAULT_RUNS
    chaos = Chaos(stage)
    if stage.large:
        job, found, told, faults = chaos.large()
        killed = sum(ended.exit == -9 for ended in job.history)
        stage.say(f"{job.items} items killed {killed} times: {'FAILED' if found else 'holds'}")
        stage.judge(f"the large job, faults {json.dumps(faults)}", found, job, told)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for number, (job, found, told, faults) in enumerate(pool.map(stage.guarded(chaos.case), range(runs))):
            stage.judge(f"chaos {number}, faults {json.dumps(faults)}", found, job, told)
            if not found:
                remove(job.directory.parent)
