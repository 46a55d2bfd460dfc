"""The bench `plane`: the steps that pass every byte of a job, against what the machine and others need for as much."""

import dataclasses
import pathlib
import sys

from benches.clients import PEERS
from benches.data import write_items, write_requests, write_table
from benches.figures import Figure, table
from benches.process import clean_environment, run
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

ITEMS, QUICK_ITEMS = 1_000_000, 100_000
HEADS = ("what", "wall", "CPU", "memory", "limit", "to the limit", "at most", "peers, to the limit")
MIB = 1024  # KiB


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    command: tuple
    limit: tuple
    most: float  # times the limit
    most_mib: float
    peers: dict = dataclasses.field(default_factory=dict, hash=False)  # by name: a command


class Place:
    """The files of all steps."""

    def __init__(self, directory, items, seed):
        self.items, self.seed = items, seed
        self.jsonl, self.csv = directory / "items.jsonl", directory / "items.csv"
        self.directory = directory
        self.ready_made = []  # files
        self.out = directory / "out"
        self.out.mkdir()
        self.written = directory / "requests.jsonl"  # what building writes

    def make(self, bench):
        say(f"making {self.items:,} items")
        write_items(self.jsonl, self.items, self.seed)
        write_table(self.csv, self.items, self.seed)
        self.ready_made = write_requests(self.directory, self.items, self.seed)
        done([bench, "build", self.jsonl, self.items, self.written])

    def clear(self):
        for path in self.out.iterdir():
            path.unlink()


def steps(builds, place):
    bench, out = builds.bench / "batchwright_bench_plane", place.out / "requests.jsonl"
    cat = ("sh", "-c", f"cat '{place.written}' > '{place.out / 'copy'}'")
    python = (sys.executable, PEERS / "plane_python.py")
    mib_an_id = 16 * place.items / 2**20
    return [
        Step(
            "build from JSON lines",
            (bench, "build", place.jsonl, place.items, out),
            cat,
            most=1.8,
            most_mib=16,
            peers={"Python": (*python, "build", place.jsonl, out)},
        ),
        Step("all that `submit` does before it sends", (bench, "submit", place.jsonl, place.out), cat, 3.5, 32 + mib_an_id),
        Step("build from CSV", (bench, "build", place.csv, place.items, out), cat, 4, 16),
        Step(
            "validate ready-made requests, tokens too",
            (builds.program, "validate", *place.ready_made),
            ("wc", "-l", *place.ready_made),
            most=10,
            most_mib=24 + 1,  # ids of one file at a time
            peers={
                "Python": (*python, "validate", *place.ready_made),
                "jq": ("jq", "-c", ".custom_id", *place.ready_made),
            },
        ),
    ]


def plane(options, builds, directory):
    """All figures, and the table."""
    place = Place(directory, options.items or (QUICK_ITEMS if options.quick else ITEMS), options.seed)
    place.make(builds.bench / "batchwright_bench_plane")
    runs = {}  # by step and command
    for turn in range(options.runs):
        for step in steps(builds, place):
            say(f"run {turn + 1} of {options.runs}: {step.name}")
            for name, command in {"": step.command, "limit": step.limit, **step.peers}.items():
                runs.setdefault((step.name, name), []).append(done(command))
                place.clear()
    return told_of(steps(builds, place), runs)


def done(command):
    ended = run(command, clean_environment())
    if ended.status != 0:
        raise Stop(EXIT_ERROR, f"{pathlib.Path(command[0]).name} ended with {ended.status}: {ended.err.strip()}")
    return ended


def told_of(all_steps, runs):
    figures, rows = [], []
    for step in all_steps:
        own, limit = runs[step.name, ""], runs[step.name, "limit"]
        wall = Figure(f"{step.name}: wall", "s", [run.seconds for run in own])
        cpu = Figure(f"{step.name}: CPU", "s", [run.cpu_s for run in own])
        memory = Figure(f"{step.name}: memory", "MiB", [run.peak_kib / MIB for run in own], at_most=step.most_mib)
        limits = Figure(f"{step.name}: limit", "s", [run.seconds for run in limit])
        ratio = Figure(f"{step.name}: to the limit", "x", ratios(own, limit), at_most=step.most)
        peers = [Figure(f"{step.name}: {name}", "x", ratios(runs[step.name, name], limit)) for name in step.peers]
        figures += [wall, cpu, memory, limits, ratio, *peers]
        told = "; ".join(f"{name} {peer.told()}" for name, peer in zip(step.peers, peers))
        of_limit = f"{step.limit[0] if step.limit[0] != 'sh' else 'cat'} {limits.told()}"
        rows.append((step.name, wall.told(), cpu.told(), memory.told(), of_limit, ratio.told(), ratio.limit, told))
    return figures, table(HEADS, rows)


def ratios(runs, limits):
    return [one.seconds / other.seconds for one, other in zip(runs, limits)]
