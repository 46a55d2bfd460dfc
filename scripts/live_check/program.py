"""The program under trial, run as a user runs it, in a home of its own."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess

from live_check import ROOT
from live_check.stop import EXIT_ERROR, EXIT_OK, EXIT_USAGE, Stop


@dataclasses.dataclass
class Ended:
    """How a command ended."""

    words: list
    status: int | None  # None: it was still at work
    out: str
    err: str

    def need(self, *statuses):
        if self.status not in statuses:
            told = " | ".join(self.err.strip().splitlines()[-4:])
            raise Stop(
                self.status or EXIT_ERROR, f"`batchwright {' '.join(self.words)}` ended with {self.status}: {told}"
            )
        return self


class Program:
    def __init__(self, path, directory):
        self.path, self.home = path, directory / "home"
        # What the user set for other jobs must not decide what is tried here.
        own = {name: value for name, value in os.environ.items() if not name.startswith("BATCHWRIGHT_")}
        self.environment = {**own, "BATCHWRIGHT_HOME": str(self.home), "XDG_CONFIG_HOME": str(directory / "no-config")}

    def run(self, words, url=None, longest=None):
        """Runs it to its end, or interrupts it: the next command goes on."""
        process = subprocess.Popen(
            [self.path, *words],
            env={**self.environment, **({"OPENAI_BASE_URL": url} if url else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            out, err = process.communicate(timeout=longest)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
            return Ended(words, None, out, err)
        return Ended(words, process.returncode, out, err)

    def version(self):
        return self.run(["--version"]).need(EXIT_OK).out.split()[-1]

    def batch_id(self, job):
        """The batch of a job of one part, as the program knows it; None before it knows one."""
        status = json.loads(self.run(["--json", "status", job, "--offline"]).need(EXIT_OK).out)
        return status["parts"][0]["batch_id"]


def find_program(given):
    """The path of the one that was named, or else of what was built here or is in PATH."""
    builds = [ROOT / "build" / preset / "batchwright" for preset in ("release", "dev")]
    for path in [given] if given else [*builds, shutil.which("batchwright")]:
        if path and os.access(path, os.X_OK):
            return str(path)
    hint = "build it (cmake --preset release && cmake --build --preset release), or name it with --program"
    raise Stop(EXIT_USAGE, f"there is no program at {given}" if given else f"there is no batchwright here: {hint}")
