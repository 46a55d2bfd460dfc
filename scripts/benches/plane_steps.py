"""Steps of the data plane: commands that are measured in turn with a limit and with peers, each over the same bytes."""

import dataclasses
import os
import pathlib
import typing

from benches.figures import Figure
from benches.process import clean_environment, run
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

HEADS = ("what", "wall", "CPU", "memory", "limit", "to the limit", "at most", "peers, to the limit")
MIB = 1024  # KiB


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    command: tuple
    limit_name: str
    limit: tuple  # a command
    most: float  # times the limit
    most_mib: float
    peers: dict = dataclasses.field(default_factory=dict)  # by name: a command
    check: typing.Callable | None = None  # looks once at what the command made; raises Stop
    times: int = 1  # the limit counts so often
    most_cpu: float | None = None  # times that of the limit; None: no limit


def tool(builds):
    """What does single steps: tests/bench/plane.cpp."""
    return builds.bench / "batchwright_bench_plane"


def cat(files, out):
    """The command that copies files into one."""
    quoted = " ".join(f"'{file}'" for file in files)
    return ("sh", "-c", f"cat {quoted} > '{out}'")


def measure(steps, turns, out):
    """Figures, and rows of the table. `out`: the folder that the commands write to, emptied after each."""
    runs = {}  # by step and command
    for turn in range(turns):
        for step in steps:
            say(f"run {turn + 1} of {turns}: {step.name}")
            for name, command in {"": step.command, "limit": step.limit, **step.peers}.items():
                runs.setdefault((step.name, name), []).append(done(command))
                if step.check and name == "" and turn == 0:
                    step.check()
                empty(out)
    return told_of(steps, runs)


def done(command):
    os.sync()  # what others wrote is not this one's to wait for
    ended = run(command, clean_environment())
    if ended.status != 0:
        raise Stop(EXIT_ERROR, f"{pathlib.Path(command[0]).name} ended with {ended.status}: {ended.err.strip()}")
    return ended


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


def told_of(steps, runs):
    figures, rows = [], []
    for step in steps:
        costs = cost(step.name, runs[step.name, ""], step.most_mib)
        limit = runs[step.name, "limit"]
        limits = Figure(f"{step.name}: limit", "s", [run.seconds for run in limit])
        to_limit = compared(step, runs[step.name, ""], limit)
        peers = [Figure(f"{step.name}: {name}", "x", ratios(runs[step.name, name], limit)) for name in step.peers]
        figures += [*costs, limits, *to_limit, *peers]
        times = f"{step.times} x " if step.times > 1 else ""
        rows.append((
            step.name,
            *(figure.told() for figure in costs),
            f"{times}{step.limit_name} {limits.told()}",
            "; ".join(figure.told() for figure in to_limit),
            "; ".join(figure.limit for figure in to_limit),
            "; ".join(f"{name} {peer.told()}" for name, peer in zip(step.peers, peers)),
        ))
    return figures, rows


def compared(step, own, limit):
    """Figures to the limit."""
    wall = ratios(own, limit, "seconds", step.times)
    figures = [Figure(f"{step.name}: to the limit", "x", wall, at_most=step.most)]
    if step.most_cpu is not None:
        cpu = ratios(own, limit, "cpu_s", step.times)
        figures.append(Figure(f"{step.name}: CPU to the limit", "x CPU", cpu, at_most=step.most_cpu))
    return figures


def cost(name, runs, most_mib, most_cpu_s=None):
    """Wall, CPU and memory."""
    return (
        Figure(f"{name}: wall", "s", [run.seconds for run in runs]),
        Figure(f"{name}: CPU", "s", [run.cpu_s for run in runs], at_most=most_cpu_s),
        Figure(f"{name}: memory", "MiB", [run.peak_kib / MIB for run in runs], at_most=most_mib),
    )


def ratios(runs, limits, of="seconds", times=1):
    return [getattr(one, of) / (times * getattr(other, of)) for one, other in zip(runs, limits)]
