"""Proves that a job survives anything: `torture.py PROOF --program PROGRAM --tools DIR [--seed N] [--runs N] ...`.

Proofs: kills, replies, chaos, lost_state, full_disk, crowd, clock, hybrid, deadlines, live_kills, weather; each is a
module beside this one. The judge is the emulator's ledger, never the program's own word. What does not hold is printed
with the seed, the case, the judge's figures and the commands with their exit statuses; what is temporary is then left,
and said where. Ends with 0, 1, or 77: this machine does not permit the proof.
"""

import argparse
import datetime
import importlib
import os
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True

from stage import Skipped  # noqa: E402 (nothing is written beside the modules)

PROOFS = ["kills", "replies", "chaos", "lost_state", "full_disk", "crowd", "clock"]
PROOFS += ["hybrid", "deadlines", "live_kills", "weather"]
MOST_TOLD = 10


class Stage:
    def __init__(self, options, directory):
        self.program, self.seed, self.directory = options.program, options.seed, directory
        self.runs, self.every, self.large = options.runs, options.every, options.large
        self.proof, self.tools = options.proof, options.tools
        self.cases = self.failed = 0

    def tool(self, name):
        """A program of the tests, which stands where `--tools` says."""
        return str(pathlib.Path(self.tools) / name)

    def say(self, text):
        print(f"{self.proof}: {text}", flush=True)

    def judge(self, case, found, job=None, figures=None):
        """One case: it holds if nothing was found."""
        self.cases += 1
        if not found:
            return
        self.failed += 1
        if self.failed > MOST_TOLD:
            return
        told = "".join(f"\n    {word}" for word in found)
        told += f"\n    ledger: {figures}" if figures else ""
        told += f"\n    in {job.directory}:{job.told()}" if job else ""
        self.say(f"FAILED, seed {self.seed}: {case}{told}")

    def guarded(self, case):
        """What the proof itself stumbles over is a finding of that case, not the end of all others."""

        def tried(*arguments):
            try:
                return case(*arguments)
            except Exception:
                self.say(f"seed {self.seed}, {arguments}: {traceback.format_exc()}")
                raise

        return tried


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("proof", choices=PROOFS)
    parser.add_argument("--program", required=True)
    parser.add_argument("--tools", default="build/dev/tests", help="where kill_at is")
    parser.add_argument("--seed", type=int, default=datetime.date.today().timetuple().tm_yday)
    parser.add_argument("--runs", type=int, help="how many cases, or rounds; each proof has its own default")
    parser.add_argument("--every", type=int, default=1, help="of kills and full disks, only each Nth")
    parser.add_argument("--large", action="store_true", help="also cases that take minutes")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    return options


def main():
    options = read_options()
    proof = importlib.import_module(options.proof)
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"batchwright-{options.proof}-"))
    stage = Stage(options, directory)
    begun = time.monotonic()
    try:
        proof.prove(stage)
    except Skipped as skipped:
        stage.say(f"skipped: {skipped}")
        shutil.rmtree(directory)
        return 77
    took = time.monotonic() - begun
    stage.say(f"{stage.cases - stage.failed} of {stage.cases} cases hold, seed {stage.seed}, {took:.0f} s")
    if stage.failed:
        stage.say(f"left to look at: {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
