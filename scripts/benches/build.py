"""What is measured, built."""

import dataclasses
import pathlib
import subprocess
import sys

from benches import ROOT
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say


@dataclasses.dataclass
class Builds:
    program: pathlib.Path
    bench: pathlib.Path  # the folder of servers and loads of tests/bench
    clients: pathlib.Path  # where the official clients are installed


def build():
    """Builds and installs what is not there yet."""
    say("building")
    need(["scripts/setup"])
    need(["cmake", "--preset", "release"])
    need(["cmake", "--build", "--preset", "release", "--target", "batchwright", "batchwright_bench"])
    need(["scripts/clients"])
    release = ROOT / "build/release"
    return Builds(release / "batchwright", release / "tests", ROOT / "build/clients")


def need(command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise Stop(EXIT_ERROR, f"`{' '.join(command)}` failed, see above")
