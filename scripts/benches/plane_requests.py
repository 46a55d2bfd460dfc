"""From the input to request files: building, submitting, checking."""

import sys

from benches.clients import PEERS
from benches.data import REQUESTS_A_FILE, write_items, write_requests, write_table
from benches.plane_steps import Step, cat, done, measure, tool
from benches.talk import say


class Place:
    """The files of these steps."""

    def __init__(self, directory, items):
        self.directory, self.items = directory, items
        self.jsonl, self.csv = directory / "items.jsonl", directory / "items.csv"
        self.ready_made = []  # files
        self.written = directory / "requests.jsonl"  # what building writes
        self.out = directory / "out"

    def make(self, bench, seed):
        say(f"making {self.items:,} items")
        self.out.mkdir()
        write_items(self.jsonl, self.items, seed)
        write_table(self.csv, self.items, seed)
        self.ready_made = write_requests(self.directory, self.items, seed)
        done([bench, "build", self.jsonl, self.items, self.written])


def measure_requests(items, options, builds, directory):
    """Figures, and rows of the table."""
    place = Place(directory, items)
    place.make(tool(builds), options.seed)
    return measure(steps(builds, place), options.runs, place.out)


def steps(builds, place):
    bench, out = tool(builds), place.out / "requests.jsonl"
    copied = ("cat", cat([place.written], place.out / "copy"))
    counted = ("wc -l", ("wc", "-l", *place.ready_made))
    python = (sys.executable, PEERS / "plane_python.py")
    return [
        Step(
            "build from JSON lines",
            (bench, "build", place.jsonl, place.items, out),
            *copied,
            most=1.8,
            most_mib=16,
            peers={"Python": (*python, "build", place.jsonl, out)},
        ),
        Step(
            "all that `submit` does before it sends",
            submitting(bench, place.jsonl, place.out),
            *copied,
            most=3.5,
            most_mib=submitting_mib(place.items),
        ),
        Step("build from CSV", (bench, "build", place.csv, place.items, out), *copied, 4, 16),
        Step(
            "validate ready-made requests",
            (builds.program, "validate", *place.ready_made),
            *counted,
            most=5,
            most_mib=24 + mib_of_ids(REQUESTS_A_FILE),  # ids of one file at a time
            peers={
                "Python": (*python, "validate", *place.ready_made),
                "jq": ("jq", "-c", ".custom_id", *place.ready_made),
            },
        ),
        Step(
            "the same with tokens: planned",
            (bench, "plan", *place.ready_made),
            *counted,
            most=10,
            most_mib=24 + mib_of_ids(REQUESTS_A_FILE),
        ),
    ]


def submitting(bench, items, out):
    return (bench, "submit", items, out)


def submitting_mib(items):
    return 32 + mib_of_ids(items)


def mib_of_ids(items):
    """16 bytes each."""
    return 16 * items / 2**20
