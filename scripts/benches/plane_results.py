"""From the downloaded outputs to the merged result: settling and merging."""

import csv
import json
import sys

from benches.answers import PARTS, custom_id_of, write_outputs, write_retried_outputs
from benches.clients import PEERS
from benches.data import write_items
from benches.plane_steps import Step, cat, measure, tool
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

MOST_MIB = 128


class Place:
    """The files of these steps."""

    def __init__(self, directory, items):
        self.items = items
        self.input = directory / "items.jsonl"
        self.plain, self.retried, self.out = (directory / name for name in ("plain", "retried", "out"))
        self.outputs = []  # of the plain ones

    def make(self, seed):
        say(f"making {self.items:,} answers, twice")
        for folder in (self.plain, self.retried, self.out):
            folder.mkdir()
        write_items(self.input, self.items, seed)
        self.outputs = write_outputs(self.plain, self.items, seed)
        write_retried_outputs(self.retried, self.items, seed)


def measure_results(items, options, builds, directory):
    """Figures, and rows of the table."""
    place = Place(directory, items)
    place.make(options.seed)
    return measure(steps(tool(builds), place), options.runs, place.out)


def steps(bench, place):
    out = place.out

    def merging_to(form, outputs, *more):
        return merging(bench, form, place.items, PARTS, outputs, out, *more)

    def checked(form):
        return lambda: check(out / "result", form, place.items)

    copied = ("cat", cat(place.outputs, out / "copy"))
    python = (sys.executable, PEERS / "plane_python.py", "merge", out / "result", *place.outputs)
    return [
        Step(
            "settle and merge to raw lines",
            merging_to("raw", place.plain),
            *copied,
            most=2.5,
            most_mib=MOST_MIB,
            check=checked("raw"),
        ),
        Step(
            "the same to records with usage and cost",
            merging_to("jsonl", place.plain),
            *copied,
            most=3.5,
            most_mib=MOST_MIB,
            peers={"Python": python},
            check=checked("jsonl"),
        ),
        Step(
            "the same to CSV",
            merging_to("csv", place.plain, place.input),
            *copied,
            most=3.5,
            most_mib=MOST_MIB,
            check=checked("csv"),
        ),
        Step(
            "to records after retry parts and real time",
            merging_to("jsonl", place.retried),
            "without those",
            merging_to("jsonl", place.plain),
            most=1.2,
            most_mib=MOST_MIB,
            check=checked("jsonl"),
        ),
    ]


def merging(bench, form, items, parts, outputs, out, *more):
    return (bench, "merge", form, items, parts, outputs, out, *more)


def check(result, form, items):
    """Every item stands there, in order."""
    seen = 0
    with open(result, newline="", encoding="utf-8") as lines:
        for seen, custom_id in enumerate(table_ids(lines) if form == "csv" else line_ids(lines), 1):
            if custom_id != custom_id_of(seen - 1):
                raise Stop(EXIT_ERROR, f"the result as {form}: item {seen - 1} is not where it belongs")
    if seen != items:
        raise Stop(EXIT_ERROR, f"the result as {form} holds {seen:,} items, not {items:,}")


def line_ids(lines):
    return (json.loads(line)["custom_id"] for line in lines)


def table_ids(lines):
    """By the items' own ids, which name their numbers."""
    return (custom_id_of(int(row["id"].removeprefix("item-"))) for row in csv.DictReader(lines))
