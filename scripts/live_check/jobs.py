"""Jobs of the program: one file of requests each, and one batch."""

import dataclasses
import json

from live_check.reading import code_of, quoted
from live_check.stop import EXIT_OK, EXIT_SOME_FAILED, EXIT_TEMPORARY, EXIT_UNFINISHED


def submit(run, of, words, url):
    """No request is sent a second time by the program: the table is about the first."""
    path = run.directory / f"{of}.jsonl"
    path.write_text(run.content(of))
    words = ["submit", str(path), "--name", run.name(of), "--yes", "--detach", "--fallback", "none", "--probe", "0", *words]
    words += ["--accept", "truncated,refused,content_filter"]  # an answer is an answer here
    words += ["--enqueued-tokens", "1000000000"]  # else jobs of one model start one after the other
    return run.program.run(words, url).need(EXIT_OK, EXIT_SOME_FAILED, EXIT_UNFINISHED, EXIT_TEMPORARY)


def fetch(run, of, url):
    """Merges the answers of a job into a file; how the command ended."""
    return run.program.run(["fetch", run.name(of), "-o", str(merged(run, of))], url)


def merged(run, of):
    return run.directory / f"{of}.results.jsonl"


@dataclasses.dataclass
class Outcomes:
    """What a merged file says."""

    items: int
    answered: set  # their ids
    codes: list  # of the others

    def told(self):
        return f"{len(self.answered)} of {self.items} answered" + (f", {quoted(*self.codes)}" if self.codes else "")


def outcomes(run, of):
    """What fetch() brought home."""
    records = [json.loads(line) for line in merged(run, of).read_text().splitlines()]
    answered = {r["custom_id"] for r in records if r["status"] == "succeeded"}
    codes = sorted({code_of(r["error"]) for r in records if r["status"] != "succeeded"})
    return Outcomes(len(records), answered, codes)
