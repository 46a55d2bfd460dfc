"""A whole job through the emulator: what the program alone costs, from the input to the merged result."""

import json
import shutil

from benches.clients import MODEL, environment_of, need
from benches.data import write_items
from benches.plane_steps import cost
from benches.process import run
from benches.servers import Emulator
from benches.talk import say

MOST_CPU_S = 14  # of a million items
MOST_MIB = 160
AT_ONCE = {"validating_ms": 0, "in_progress_ms": 0, "finalizing_ms": 0}


def measure_job(items, options, builds, directory):
    """Figures, and a row of the table."""
    name = "a whole job through the emulator"
    say(f"making {items:,} items")
    input_file, faults = directory / "items.jsonl", directory / "faults.json"
    write_items(input_file, items, options.seed)
    faults.write_text(json.dumps(AT_ONCE))
    runs = []
    for turn in range(options.runs):
        say(f"run {turn + 1} of {options.runs}: {name}")
        with Emulator(builds, faults, options.seed) as emulator:
            runs.append(send(builds, emulator, input_file, items, directory / "home"))
    figures = cost(name, runs, MOST_MIB, MOST_CPU_S * items / 1e6)
    wall, cpu, memory = figures
    return figures, [(name, wall.told(), cpu.told(), memory.told(), "", "", f"{cpu.limit} of CPU", "")]


def send(builds, emulator, input_file, items, home):
    out = home.with_name("out.jsonl")
    command = [builds.program, "run", input_file, "--name", "bench", "--yes", "--probe", "0", "--model", MODEL]
    command += ["--prompt", "Positive or negative? {{text}}", "--max-output-tokens", "200", "--every", "1s", "-o", out]
    ended = run(command, environment_of(home, emulator.url))
    need("batchwright run", ended, out.exists() and sum(1 for _ in open(out, "rb")) == items)
    shutil.rmtree(home)
    out.unlink()
    return ended
