"""Replies that got lost on both POSTs: after the server had acted, before it did, or in the middle of the answer.

In: the product of both calls, all ways to lose an answer, which of the calls are struck, and how well the listing can
be read meanwhile; the seed shuffles it and `--runs` says how many cases are taken. What the server did must be found
and adopted, what it did not do must be done: no part has two batches. Where the listing is refused for good, nothing is
sent again on a guess: the job pauses with 75. A timeout is a server that never answers and a client that is killed
while it waits; with `--large`, now and then one that waits for its own timeout, a minute.
"""

import concurrent.futures
import itertools
import os
import random
import signal
import time

from stage import Emulator, Job, Rows, judge_ledger, remove

AT_ONCE = 8
DEFAULT_RUNS = 200

PATHS = ["/v1/files", "/v1/batches"]
WAYS = [
    {"phase": "after-effect", "action": "reset"},
    {"phase": "after-effect", "action": "close"},
    {"phase": "after-effect", "action": "hang"},
    {"phase": "after-effect", "action": "status", "status": 500},
    {"phase": "after-effect", "action": "status", "status": 408},
    {"phase": "after-effect", "action": "html"},
    {"phase": "after-effect", "action": "garbage"},
    {"phase": "after-effect", "action": "truncate"},
    {"phase": "after-effect", "action": "wrong_length"},
    {"phase": "after-effect", "action": "drip", "bytes_per_second": 400},
    {"phase": "mid-body", "action": "close"},
    {"phase": "mid-body", "action": "reset"},
    {"phase": "mid-body", "action": "garbage"},
    {"phase": "before-effect", "action": "reset"},
    {"phase": "before-effect", "action": "close"},
    {"phase": "before-effect", "action": "hang"},
    {"phase": "before-effect", "action": "status", "status": 500},
    {"phase": "before-effect", "action": "html"},
]
STRUCK = [{"nth": 1}, {"nth": 2}, {"nth": [1, 2]}, {"first": 3}]
LISTINGS = {
    "plain": {},
    "lagging": {"list_lag_ms": 400},
    "without metadata": {"list_without_metadata": True},
    "failing twice": [{"first": 2, "action": "status", "status": 500}],
    "limited once": [{"nth": 1, "action": "status", "status": 429, "headers": {"retry-after": "1"}}],
    "cut once": [{"nth": 1, "phase": "mid-body", "action": "reset"}],
    "garbage once": [{"nth": 1, "action": "garbage"}],
}
REFUSALS = [403, 404, 405, 501]


def faults_of(path, way, struck, listing):
    http = [{"method": "POST", "path": path, **way, **struck}]
    said = LISTINGS[listing]
    if isinstance(said, dict):
        return {"http": http, **said}
    return {"http": http + [{"method": "GET", "path": path, **rule} for rule in said]}


class Replies:
    def __init__(self, stage):
        self.stage = stage

    def interrupted(self, job, seconds):
        """submit, killed while it waits for an answer that does not come."""
        process = job.start(job.submit)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        job.wait(process, job.submit)

    def case(self, number, case):
        path, way, struck, listing = case
        faults = faults_of(*case)
        place = self.stage.directory / f"case-{number}"
        with Emulator(self.stage.program, place / "emulator", faults, self.stage.seed) as emulator:
            job = Job(self.stage.program, place, emulator.url, f"job-{number}")
            found = []
            if way["action"] == "hang":
                waits_itself = self.stage.large and path == "/v1/batches" and number % 50 == 0
                for _ in range(2):
                    if waits_itself:
                        job.run(job.submit, longest=200)
                    else:
                        self.interrupted(job, 0.8)
                    if job.history[-1].exit == 0:
                        break
                http = [rule for rule in faults["http"] if rule.get("action") != "hang"]
                emulator.change({**faults, "http": http})
            found += job.finish()
            return self.verdict(emulator, job, found)

    def verdict(self, emulator, job, found):
        ledger = emulator.ledger(rows=True)
        found = found + job.judge_result() + judge_ledger(ledger) + Rows(ledger).judge(job)
        if ledger["most_batches_per_content"] > 1:
            found.append(f"most_batches_per_content is {ledger['most_batches_per_content']}")
        return job, found, figures(ledger)

    def refused(self, status):
        """The server lets nobody look: whether it acted cannot be known."""
        rules = [
            {"method": "POST", "path": "/v1/batches", "nth": 1, "phase": "after-effect", "action": "reset"},
            {"method": "GET", "path": "/v1/batches", "action": "status", "status": status},
        ]
        place = self.stage.directory / f"refused-{status}"
        with Emulator(self.stage.program, place / "emulator", {"http": rules}) as emulator:
            job = Job(self.stage.program, place, emulator.url, f"refused-{status}")
            exits = [job.run(words).exit for words in (job.submit, job.poll, job.submit, job.fetch)]
            found = [] if exits[0] == exits[2] == exits[3] == 75 else [f"exits {exits}, not 75 for submit and fetch"]
            ledger = emulator.ledger(rows=True)
            if ledger["batches_created"] != 2:
                found.append(f"{ledger['batches_created']} batches for 2 parts")
            return job, found + judge_ledger(ledger), figures(ledger)


def figures(ledger):
    return {total: value for total, value in ledger.items() if isinstance(value, int)}


def prove(stage):
    stage.runs = stage.runs or DEFAULT_RUNS
    cases = list(itertools.product(PATHS, WAYS, STRUCK, LISTINGS))
    random.Random(stage.seed).shuffle(cases)
    cases = cases[: stage.runs]
    replies = Replies(stage)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        refused = pool.map(stage.guarded(replies.refused), REFUSALS)
        tried = pool.map(stage.guarded(replies.case), range(len(cases)), cases)
        for (path, way, struck, listing), (job, found, told) in zip(cases, tried):
            said = " ".join(str(value) for value in way.values())
            stage.judge(f"POST {path} {struck}: {said}; the listing is {listing}", found, job, told)
            if not found:
                remove(job.directory.parent)
        for status, (job, found, told) in zip(REFUSALS, refused):
            stage.judge(f"POST /v1/batches reset after its effect; the listing is refused with {status}", found, job, told)
