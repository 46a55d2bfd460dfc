"""The bench `start`: what commands cost that do next to nothing, over a program that does nothing at all."""

import dataclasses
import json
import re
import shutil
import subprocess

from benches.clients import MODEL, environment_of, write_input
from benches.figures import Figure, table
from benches.process import clean_environment, run
from benches.servers import Emulator
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

HEADS = ("command", "wall", "over the empty program", "at most", "CPU", "memory", "at most")
MOST_MIB = 32
REQUESTS_A_PART = 2
JOBS, PARTS_A_JOB = 20, 100
PARTS, LIVE = 1_000, 20  # of the job that is polled
SPEEDS = {"validating_ms": 0, "in_progress_ms": 0, "finalizing_ms": 0}
ENDLESS = {"stuck_batches": [{"every": PARTS // LIVE}]}
EMPTY = "an empty program"


@dataclasses.dataclass(frozen=True)
class Command:
    name: str
    words: tuple
    home: str  # whose state it works on
    most_ms: float  # over the empty program


COMMANDS = (
    Command("`--version`", ("--version",), "none", 5),
    Command(f"`status --offline`, {JOBS} jobs of {PARTS_A_JOB} parts", ("status", "--offline"), "jobs", 15),
    Command(f"`poll`, {PARTS:,} parts, {LIVE} live", ("poll", "large"), "large", 100),
)


def start(options, builds, directory):
    """All figures, and the table."""
    need_same_libraries(builds.program, builds.bench / "batchwright_bench_empty")
    faults = directory / "faults.json"
    faults.write_text(json.dumps({**SPEEDS, **ENDLESS}))
    with Emulator(builds, faults, options.seed) as emulator:
        make_state(builds, directory, emulator, options.seed)
        costs = {}  # by name: one a run
        for turn in range(options.runs):
            if turn % 10 == 0:
                say(f"run {turn + 1} of {options.runs}")
            costs.setdefault(EMPTY, []).append(cost_of(builds, [builds.bench / "batchwright_bench_empty"], {}))
            for command in COMMANDS:
                environment = environment_of(directory / command.home, emulator.url)
                costs.setdefault(command.name, []).append(
                    cost_of(builds, [builds.program, *command.words], environment)
                )
    return told_of(costs)


def need_same_libraries(program, empty):
    ours, others = libraries(program), libraries(empty)
    if ours != others:
        raise Stop(EXIT_ERROR, f"the empty program has other libraries: {', '.join(sorted(ours ^ others))}")


def libraries(program):
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^\s*(\S+)", told, re.MULTILINE))


def make_state(builds, directory, emulator, seed):
    say(f"making {JOBS} jobs of {PARTS_A_JOB} parts, and one of {PARTS:,}")
    for number in range(JOBS):
        submit(builds, directory, "jobs", f"job-{number}", PARTS_A_JOB, emulator, seed + number)
    submit(builds, directory, "large", "large", PARTS, emulator, seed)
    need_live(builds, directory, emulator)


def submit(builds, directory, home, name, parts, emulator, seed):
    """And polls once: what is over is settled, so that what is timed finds as little as a timer does."""
    items = write_input(directory / f"{name}.jsonl", parts * REQUESTS_A_PART, seed)
    words = ["submit", items, "--name", name, "--yes", "--probe", "0", "--requests-per-part", REQUESTS_A_PART]
    words += ["--model", MODEL, "--prompt", "Good? {{text}}", "--max-output-tokens", "16"]
    words += ["--enqueued-tokens", 10**9]  # known, so that the server need not refuse to tell it
    for command in (words, ["poll", name]):
        ended = run([builds.program, *command], environment_of(directory / home, emulator.url))
        if ended.status != 0:
            raise Stop(EXIT_ERROR, f"`{command[0]}` ended with {ended.status}: {ended.err.strip()}")


def need_live(builds, directory, emulator):
    ended = run([builds.program, "--json", "status", "large", "--offline"], environment_of(directory / "large", emulator.url))
    states = [part["state"] for part in json.loads(ended.out)["parts"]]
    if (len(states), states.count("running")) != (PARTS, LIVE):
        raise Stop(EXIT_ERROR, f"{states.count('running')} of {len(states)} parts are live, not {LIVE} of {PARTS}")


def cost_of(builds, command, environment):
    ended = run([builds.bench / "batchwright_bench_once", *command], environment or clean_environment())
    cost = json.loads(ended.out)
    if cost["status"] != 0:
        raise Stop(EXIT_ERROR, f"`{' '.join(map(str, command))}` ended with {cost['status']}")
    return cost


def told_of(costs):
    floor = costs[EMPTY]
    limits = {command.name: command.most_ms for command in COMMANDS}
    figures, rows = [], []
    for name, runs in costs.items():
        wall = Figure(f"{name}: wall", "ms", [1e3 * run["seconds"] for run in runs])
        cpu = Figure(f"{name}: CPU", "ms", [1e3 * run["cpu_s"] for run in runs])
        memory = Figure(f"{name}: memory", "MiB", [run["peak_kib"] / 1024 for run in runs], at_most=MOST_MIB)
        figures += [wall, cpu, memory]
        over = None
        if name in limits:
            more = [1e3 * (run["seconds"] - empty["seconds"]) for run, empty in zip(runs, floor)]
            over = Figure(f"{name}: over the empty program", "ms", more, at_most=limits[name])
            figures.append(over)
        told = (over.told(), over.limit) if over else ("", "")
        rows.append((name, wall.told(), *told, cpu.told(), memory.told(), memory.limit))
    return figures, table(HEADS, rows)
