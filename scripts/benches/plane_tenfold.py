"""A job of ten times the items: what it costs is to grow as they do, and its memory not at all."""

import shutil

from benches.answers import PARTS, write_outputs
from benches.data import write_items
from benches.plane_requests import submitting, submitting_mib
from benches.plane_results import MOST_MIB, merging
from benches.plane_steps import Step, measure, tool
from benches.talk import say

TIMES = 10
BYTES_AN_ITEM = 6_000  # of disk, at most: of outputs, outcomes, what is on its way to them, and the result
MOST, MOST_CPU = 1.4, 1.1


def measure_tenfold(items, options, builds, directory):
    """Figures, and rows of the table: one that says why, where there is not enough room."""
    name = f"{TIMES * items:,} items"
    needed, free = TIMES * items * BYTES_AN_ITEM, shutil.disk_usage(directory).free
    if free < needed:
        say(f"{name}: skipped")
        why = f"skipped: takes {needed / 1e9:.3g} GB of disk, of which {free / 1e9:.3g} GB are free"
        return [], [(name, why, *[""] * 6)]
    figures, rows = [], []
    for measure_one in (measure_submitting, measure_merging):
        place = directory / measure_one.__name__
        place.mkdir()
        found, told = measure_one(items, options, tool(builds), place)
        shutil.rmtree(place)
        figures += found
        rows += told
    return figures, rows


def measure_submitting(items, options, bench, place):
    many, few, out = place / "many.jsonl", place / "few.jsonl", place / "out"
    out.mkdir()
    say(f"making {TIMES * items:,} items")
    write_items(many, TIMES * items, options.seed)
    write_items(few, items, options.seed)
    step = tenfold(
        f"{TIMES * items:,} items: all that `submit` does before it sends",
        items,
        submitting(bench, many, out),
        submitting(bench, few, out),
        submitting_mib(TIMES * items),
    )
    return measure([step], options.runs, out)


def measure_merging(items, options, bench, place):
    many, few, out = (place / name for name in ("many", "few", "out"))
    say(f"making {TIMES * items:,} answers")
    for folder in (many, few, out):
        folder.mkdir()
    write_outputs(many, TIMES * items, options.seed, TIMES * PARTS)
    write_outputs(few, items, options.seed)
    step = tenfold(
        f"{TIMES * items:,} items: settle and merge to records",
        items,
        merging(bench, "jsonl", TIMES * items, TIMES * PARTS, many, out),
        merging(bench, "jsonl", items, PARTS, few, out),
        MOST_MIB,
    )
    return measure([step], options.runs, out)


def tenfold(name, items, command, limit, most_mib):
    return Step(name, command, f"{items:,} items", limit, MOST, most_mib, times=TIMES, most_cpu=MOST_CPU)
