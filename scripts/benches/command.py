"""One call of the script, from the options to the exit status."""

import json
import pathlib
import tempfile
import time

from benches.build import build
from benches.figures import all_hold
from benches.journal import journal
from benches.machine import load, machine, versions
from benches.options import read_options
from benches.plane import plane
from benches.realtime import realtime
from benches.start import start
from benches.stop import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED, EXIT_STORAGE, Stop
from benches.talk import say
from benches.tokens import tokens
from benches.transfer import transfer

BENCHES = {"journal": journal, "plane": plane, "realtime": realtime, "start": start, "tokens": tokens, "transfer": transfer}


def main():
    """The whole of it; returns the exit status."""
    options = read_options(BENCHES)
    try:
        if options.json:
            options.json.touch()  # before an hour is spent
        with tempfile.TemporaryDirectory(prefix="batchwright-bench-") as directory:
            return bench(options, pathlib.Path(directory))
    except Stop as stop:
        say(str(stop))
        return stop.status
    except OSError as trouble:
        say(f"{trouble.filename or 'bench'}: {trouble.strerror or trouble}")
        return EXIT_STORAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def bench(options, directory):
    builds = build()
    begun, load_before = time.monotonic(), load()
    figures, text = BENCHES[options.name](options, builds, directory)
    report = {
        "bench": options.name,
        "form": "quick" if options.quick else "full",
        "runs": options.runs,
        "seed": options.seed,
        "seconds": round(time.monotonic() - begun),
        "machine": {**machine(), "load_before": load_before, "load_after": load()},
        "versions": versions(builds),
        "figures": [figure.row() for figure in figures],
    }
    print(heading(report), text, sep="\n\n")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return EXIT_OK if all_hold(figures) else EXIT_SOME_FAILED


def heading(report):
    on, of = report["machine"], report["versions"]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    runs = "one run" if report["runs"] == 1 else f"medians of {report['runs']} runs"
    return (
        f"{day}, batchwright {of['batchwright']}, {report['form']} form, {runs} of each; {on['cores']} cores "
        f"({on['processor']}), load {on['load_before']} before."
    )
