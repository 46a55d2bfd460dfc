"""What was seen, as a table in Markdown: on its own, or between the marks of a README."""

import datetime
import time

from live_check.rows import OPEN, ROWS
from live_check.server import is_here
from live_check.state import write_whole
from live_check.stop import EXIT_USAGE, Stop

MARKS = ("<!-- live-check: begin -->", "<!-- live-check: end -->")


def table(state):
    lines = [title(state), "", "| what | expected | seen | verdict |", "|---|---|---|---|"]
    for key, (what, expected) in ROWS.items():
        seen, verdict = state["rows"].get(key, ["", OPEN])
        expected = expected.replace("{grace}", f"{state['grace']} s")
        lines.append("| " + " | ".join(map(cell, (what, expected, seen, verdict))) + " |")
    return "\n".join(lines) + "\n"


def title(state):
    day = datetime.datetime.fromtimestamp(state.get("told_at", time.time()), datetime.timezone.utc).date()
    how = "Rehearsed, not live: against a server on this machine" if is_here(state["base_url"]) else "Tried live"
    open_rows = len(ROWS) - len(state["rows"])
    still = f"; {open_rows} still open" if open_rows else ""
    return f"{how}, {day}, {state['base_url']}, batchwright {state['version']}, {state['model']}{still}."


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def around_table(readme):
    """What stands before and after the table in a file; both hold their mark."""
    before, begin, rest = readme.read_text().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise Stop(EXIT_USAGE, f"{readme}: the lines {MARKS[0]} and {MARKS[1]} are not there")
    return before + begin, end + after


def put_into(readme, text):
    """Puts the table between the marks of a file."""
    before, after = around_table(readme)
    write_whole(readme, f"{before}\n\n{text}\n{after}")
