"""The bench `plane`: the steps that pass every byte of a job, against what the machine and others need for as much."""

import pathlib
import tempfile

from benches.figures import table
from benches.plane_job import measure_job
from benches.plane_requests import measure_requests
from benches.plane_results import measure_results
from benches.plane_small import measure_small
from benches.plane_steps import HEADS
from benches.plane_tenfold import measure_tenfold
from benches.plane_vectors import measure_vectors

ITEMS, QUICK_ITEMS = 1_000_000, 100_000
PARTS = {
    "requests": measure_requests,
    "results": measure_results,
    "vectors": measure_vectors,
    "job": measure_job,
    "small": measure_small,
    "tenfold": measure_tenfold,
}
LONG = ("tenfold",)  # not of the quick form, unless asked for by name


def plane(options, builds, directory):
    """All figures, and the table."""
    items = options.items or (QUICK_ITEMS if options.quick else ITEMS)
    figures, rows = [], []
    for name, measure in PARTS.items():
        if options.only == name or (options.only is None and not (options.quick and name in LONG)):
            with tempfile.TemporaryDirectory(dir=directory) as place:
                found, told = measure(items, options, builds, pathlib.Path(place))
            figures += found
            rows += told
    return figures, table(HEADS, rows)
