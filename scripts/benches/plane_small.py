"""A whole job with `--compress`: what it has on the disk at most, against the packed outputs that it ends with."""

import contextlib
import json
import os
import shutil
import threading
import time

from benches.clients import MODEL, environment_of, need
from benches.data import write_items
from benches.figures import Figure
from benches.plane_job import AT_ONCE
from benches.process import run
from benches.servers import Emulator
from benches.talk import say

MOST = 1.5  # times its packed outputs
BETWEEN_LOOKS = 0.02  # seconds
MIB = 1024 * 1024
PROMPT = "Answer with 200 words\n{{text}}"  # about 1,000 bytes


def measure_small(items, options, builds, directory):
    """Figures, and a row of the table."""
    name = "disk of a job with --compress, at most"
    input_file, faults = directory / "items.jsonl", directory / "faults.json"
    write_items(input_file, items, options.seed)
    faults.write_text(json.dumps(AT_ONCE))
    peaks, outputs = [], []
    for turn in range(1 if options.quick else options.runs):
        say(f"run {turn + 1}: {name}")
        with Emulator(builds, faults, options.seed) as emulator:
            peak, packed = send(builds, emulator, input_file, items, directory / "home")
        peaks.append(peak)
        outputs.append(packed)
    disk = Figure(f"{name}: disk", "MiB", [peak / MIB for peak in peaks])
    limit = Figure(f"{name}: its packed outputs", "MiB", [packed / MIB for packed in outputs])
    ratio = Figure(f"{name}: to its packed outputs", "x", [p / o for p, o in zip(peaks, outputs)], at_most=MOST)
    row = (name, disk.told(), "", "", f"its packed outputs {limit.told()}", ratio.told(), ratio.limit, "")
    return [disk, limit, ratio], [row]


def send(builds, emulator, input_file, items, home):
    """The most bytes that were seen in the state root, and those of the packed outputs at the end."""
    out = home.with_name("out.jsonl")
    command = [builds.program, "run", input_file, "--name", "bench", "--yes", "--probe", "0", "--model", MODEL]
    command += ["--prompt", PROMPT, "--max-output-tokens", "400", "--every", "1s"]
    with Watch(home) as watch:
        ended = run([*command, "--compress", "-o", out], environment_of(home, emulator.url))
    need("batchwright run", ended, out.exists() and sum(1 for _ in open(out, "rb")) == items)
    packed = sum(path.stat().st_size for path in home.glob("jobs/bench/*.jsonl.zst"))
    shutil.rmtree(home)
    out.unlink()
    return watch.peak, packed


class Watch:
    """Looks again and again at how many bytes stand in a folder."""

    def __init__(self, folder):
        self.folder, self.peak, self.is_over = folder, 0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def look(self):
        while not self.is_over.is_set():
            self.peak = max(self.peak, bytes_in(self.folder))
            time.sleep(BETWEEN_LOOKS)


def bytes_in(folder):
    total = 0
    for place, _, names in os.walk(folder):  # what goes meanwhile is passed over
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
