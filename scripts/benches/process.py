"""A command, run to its end, and what it cost."""

import dataclasses
import os
import pathlib
import re
import select
import subprocess
import tempfile
import time

from benches.stop import EXIT_ERROR, Stop

LONGEST = 900  # seconds
BETWEEN_LOOKS = 0.02


@dataclasses.dataclass
class Ended:
    status: int
    out: str
    err: str
    seconds: float
    cpu_s: float
    peak_kib: int  # of memory


def clean_environment(**more):
    """The user's, without what would decide what is measured, and without proxies."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not re.match(r"BATCHWRIGHT_|OPENAI_|.*_proxy$", name, re.IGNORECASE)
    }
    return {**own, **{name: str(value) for name, value in more.items()}}


def run(command, environment):
    """Raises Stop where it takes too long."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.monotonic()
        process = subprocess.Popen(
            [str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        try:
            used, peak = wait(process, begun)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        seconds = time.monotonic() - begun
        out.seek(0), err.seek(0)
        return Ended(process.returncode, out.read(), err.read(), seconds, used.ru_utime + used.ru_stime, peak)


def wait(process, begun):
    """What it used, and its peak of memory, looked at while it runs: the one that wait4 tells is its parent's, too."""
    peak = 0
    end = os.pidfd_open(process.pid)
    try:
        while not select.select([end], [], [], BETWEEN_LOOKS)[0]:
            peak = max(peak, memory_peak(process.pid))
            if time.monotonic() - begun > LONGEST:
                raise Stop(EXIT_ERROR, f"`{process.args[0]}` was not done after {LONGEST} s")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return used, peak
    finally:
        os.close(end)


def memory_peak(pid):
    try:
        found = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    except OSError:
        found = None
    return int(found[1]) if found else 0
