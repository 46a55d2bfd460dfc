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
    asked = read_options(BENCHES)
    report_file = asked[0].json
    try:
        if report_file:
            report_file.touch()  # before an hour is spent
        builds = build()
        reports = [bench(options, builds) for options in asked]
        if report_file:
            report_file.write_text(json.dumps(reports[0] if len(asked) == 1 else reports, indent=1) + "\n")
        return EXIT_OK if all(report["holds"] for report in reports) else EXIT_SOME_FAILED
    except Stop as stop:
        say(str(stop))
        return stop.status
    except OSError as trouble:
        say(f"{trouble.filename or 'bench'}: {trouble.strerror or trouble}")
        return EXIT_STORAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def bench(options, builds):
    """Runs it, prints its tables, and returns its report."""
    begun, load_before = time.monotonic(), load()
    with tempfile.TemporaryDirectory(prefix="batchwright-bench-") as directory:
        figures, text = BENCHES[options.name](options, builds, pathlib.Path(directory))
    report = {
        "bench": options.name,
        "form": "quick" if options.quick else "full",
        "runs": options.runs,
        "seed": options.seed,
        "seconds": round(time.monotonic() - begun),
        "holds": all_hold(figures),
        "machine": {**machine(), "load_before": load_before, "load_after": load()},
        "versions": versions(builds),
        "figures": [figure.row() for figure in figures],
    }
    print(heading(report), text, sep="\n\n", end="\n\n", flush=True)
    return report


def heading(report):
    on, of = report["machine"], report["versions"]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    runs = "one run" if report["runs"] == 1 else f"medians of {report['runs']} runs"
    return (
        f"{day}, batchwright {of['batchwright']}, {report['form']} form, {runs} of each; {on['cores']} cores "
        f"({on['processor']}), load {on['load_before']} before."
    )
