"""How well the program uses a rate: the emulator holds it to one, and its ledger judges."""

import concurrent.futures
import dataclasses
import json
import signal
import subprocess
import time

from benches.clients import KEY, MODEL, environment_of, run_words, write_input
from benches.figures import Figure, table
from benches.servers import Emulator
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

HEADS = ("rate", "figure", "seen", "limit")
LATENCY_MS = 1000
WORDS_A_REQUEST = 60
EMPTIED, CALLS_TO_EMPTY = 0.95, 2  # an answer has 128,000 tokens at most
LONGEST_START = 30  # seconds until the first request


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    name: str
    rate: dict
    least_used: float  # of what others leave
    most_refused: float
    begins_empty: bool = True  # else there is a minute's worth of tokens more than the rate brings

    def free(self, of):
        return self.rate[of] - self.rate.get("foreign_" + of, 0)


TRIALS = (
    Trial("3,000 requests a minute", {"rpm": 3000, "tpm": 2_000_000}, 0.98, 0.001, begins_empty=False),
    Trial("200,000 tokens a minute, 3,000 requests", {"rpm": 3000, "tpm": 200_000}, 0.98, 0.001),
    Trial(
        "the same, a third taken by others",
        {"rpm": 3000, "tpm": 200_000, "foreign_rpm": 1000, "foreign_tpm": 66_000},
        0.90,
        0.005,
    ),
)


def measure_rates(options, builds, directory):
    """The trials run side by side: each is fifty requests a second at most."""
    seen = {trial: [] for trial in TRIALS}
    for turn in range(options.runs):
        say(f"run {turn + 1} of {options.runs}: rates")
        with concurrent.futures.ThreadPoolExecutor(len(TRIALS)) as pool:
            jobs = {trial: pool.submit(measure, trial, options, builds, directory, turn) for trial in TRIALS}
        for trial, job in jobs.items():
            seen[trial].append(job.result())
    return told_of(seen)


def measure(trial, options, builds, directory, turn):
    """The share of what is free, and the share of 429, between two looks at the ledger."""
    place = directory / f"rates-{TRIALS.index(trial)}-{turn}"
    place.mkdir()
    (place / "faults.json").write_text(json.dumps({"rate": trial.rate, "chat_latency_ms": LATENCY_MS}))
    begin, length = (10, 20) if options.quick else (60, 120)
    items = trial.rate["rpm"] * (begin + length + 90) // 60  # the bucket is full at first, and nothing may run dry
    input_file = write_input(place / "in.jsonl", items, options.seed + turn, WORDS_A_REQUEST)
    with Emulator(builds, place / "faults.json", options.seed) as emulator:
        if trial.begins_empty:
            empty(emulator, trial)
        own_calls = emulator.ledger()["live_calls"]
        process = subprocess.Popen(
            [str(word) for word in (builds.program, *run_words(input_file, None), "-o", place / "out.jsonl")],
            env=environment_of(place / "home", emulator.url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for_first(emulator, process, own_calls)
            time.sleep(begin)
            before, at = Look(emulator.ledger()), time.monotonic()
            time.sleep(length)
            after, minutes = Look(emulator.ledger()), (time.monotonic() - at) / 60
            if process.poll() is not None:
                raise Stop(EXIT_ERROR, f"{trial.name}: the program ended with {process.returncode} before its time")
        finally:
            end(process)
    return used(trial, before, after, minutes), refused(before, after)


def empty(emulator, trial):
    """Takes the minute's worth of tokens that is there at first, so that all there is is what comes back."""
    for _ in range(CALLS_TO_EMPTY):
        emulator.use_up(KEY, MODEL, int(EMPTIED * trial.rate["tpm"] / CALLS_TO_EMPTY))


def wait_for_first(emulator, process, own_calls):
    for _ in range(LONGEST_START * 10):
        if process.poll() is not None:
            raise Stop(EXIT_ERROR, f"the program ended with {process.returncode} before it sent anything")
        if emulator.ledger()["live_calls"] > own_calls:
            return
        time.sleep(0.1)
    raise Stop(EXIT_ERROR, f"the program sent nothing in {LONGEST_START} s")


def end(process):
    """It has done its part; a second Ctrl-C does not wait for what is in flight."""
    for _ in range(2):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Look:
    def __init__(self, ledger):
        self.requests = sum(minute["admitted"] for minute in ledger["live_minutes"])
        self.tokens = sum(minute["tokens"] for minute in ledger["live_minutes"])
        self.refused = sum(minute["answered_429"] for minute in ledger["live_minutes"])
        self.answers = sum(row["answers"] for row in ledger["live_answers"])


def used(trial, before, after, minutes):
    """Of the limit that binds, which is the one that is used more."""
    of_requests = (after.requests - before.requests) / (minutes * trial.free("rpm"))
    of_tokens = (after.tokens - before.tokens) / (minutes * trial.free("tpm"))
    return max(of_requests, of_tokens)


def refused(before, after):
    return (after.refused - before.refused) / max(1, after.answers - before.answers)


def told_of(seen):
    figures, rows = [], []
    for trial, runs in seen.items():
        of_free = [share for share, _ in runs]
        of_refused = [share for _, share in runs]
        pair = (
            Figure(f"{trial.name}: used of what is free", "share", of_free, at_least=trial.least_used),
            Figure(f"{trial.name}: answered 429", "share", of_refused, at_most=trial.most_refused),
        )
        figures += pair
        rows += [(trial.name, figure.name.rpartition(": ")[2], figure.told(), figure.limit) for figure in pair]
    return figures, table(HEADS, rows)
