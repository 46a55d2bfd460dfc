"""The bench `journal`: answers made durable as they come, against the same bytes appended and synced in the same groups."""

import dataclasses
import filecmp
import json
import statistics

from benches.figures import Figure, table
from benches.process import clean_environment, run
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

HEADS = ("answers of 1 KB", "wall", "a second", "groups", "of", "append + fdatasync", "to that", "at most")
THREADS = 64
MOST = 1.3  # times the floor


@dataclasses.dataclass(frozen=True)
class Way:
    name: str
    answers: int
    words: tuple = ()


def ways(quick):
    return (
        Way(f"from {THREADS} threads, as the program writes them", 100_000 if quick else 400_000),
        Way(f"from {THREADS} threads, each waits until its own is durable", 20_000 if quick else 80_000, ("each",)),
    )


def journal(options, builds, directory):
    """All figures, and the table."""
    todo = ways(options.quick)
    pairs = {way: [] for way in todo}
    for turn in range(options.runs):
        for way in todo:
            say(f"run {turn + 1} of {options.runs}: {way.name}")
            pairs[way].append(pair_of(way, builds.bench / "batchwright_bench_journal", directory))
    return told_of(pairs)


def pair_of(way, tool, directory):
    """What the journal said, and the floor under it."""
    ours, floor = directory / "journal.jsonl", directory / "floor.jsonl"
    written = told_by([tool, "write", ours, way.answers, THREADS, *way.words])
    groups = directory / "groups"
    groups.write_text("\n".join(map(str, written["groups"])))
    appended = told_by([tool, "append", ours, floor, groups])
    if not filecmp.cmp(ours, floor, shallow=False):
        raise Stop(EXIT_ERROR, "the floor of the journal wrote other bytes")
    ours.unlink(), floor.unlink()
    return written, appended


def told_by(command):
    ended = run(command, clean_environment())
    if ended.status != 0:
        raise Stop(EXIT_ERROR, f"{command[0].name} ended with {ended.status}: {ended.err.strip()}")
    return json.loads(ended.out)


def told_of(pairs):
    figures, rows = [], []
    for way, runs in pairs.items():
        wall = Figure(f"{way.name}: wall", "s", [ours["seconds"] for ours, _ in runs])
        rate = Figure(f"{way.name}: answers", "/s", [way.answers / ours["seconds"] for ours, _ in runs])
        floor = Figure(f"{way.name}: append + fdatasync", "s", [floor["seconds"] for _, floor in runs])
        ratios = [ours["seconds"] / floor["seconds"] for ours, floor in runs]
        ratio = Figure(f"{way.name}: to append + fdatasync", "x", ratios, at_most=MOST)
        figures += [wall, rate, floor, ratio]
        groups = statistics.median(len(ours["groups"]) for ours, _ in runs)
        size = statistics.median(statistics.mean(ours["groups"]) for ours, _ in runs)
        sizes = (f"{groups:,.0f}", f"{size / 1024:,.0f} KiB")
        rows.append((way.name, wall.told(), rate.told(), *sizes, floor.told(), ratio.told(), ratio.limit))
    return figures, table(HEADS, rows)
