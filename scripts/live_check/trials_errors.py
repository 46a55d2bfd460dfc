"""Trials of what must be refused: calls, and files once the server has looked into them."""

import uuid

from live_check.inputs import BAD, BAD_LINE, batch_of
from live_check.reading import entries_of, has_ended, plain, quoted
from live_check.rows import BROKEN, COPES, judged

ONE_LINE = ("bad.url", "bad.json", "bad.method")  # files of which exactly one line is at fault


def refusals(run):
    """Calls that must be refused: in the API's own words, since anything else may mean that it did act."""
    unknown = run.api.call("GET", "/batches/batch_" + uuid.uuid4().hex)
    create = run.api.call("POST", "/batches", batch_of("file-" + uuid.uuid4().hex))
    seen = "; ".join(f"{a.status}{'' if a.error else ' without a JSON error'}" for a in (unknown, create))
    refused = unknown.status in (400, 404) and 400 <= create.status < 500
    copes = refused and unknown.error and create.error
    run.tell("call.unknown", seen, judged(copes and (unknown.status, create.status) == (404, 400), copes))
    return True


def bad_files(run):
    """Files that must fail their check: it is the server that says so, some time after the create."""
    for name in BAD:
        if not run.knows_batch(name):
            run.create(name, run.upload(name)["id"])
    return True


def bad_ends(run):
    """How the server words what is wrong with a file, once it has looked."""
    batches = {name: run.batch(name) for name in [*BAD, "twice.0"]}
    if not all(map(has_ended, batches.values())):
        return False
    entries = {name: entries_of(batches[name]) for name in BAD}
    for name in BAD:
        tell_of_failure(run, name, batches[name]["status"], entries[name])
    tell_of_members(run, {member for of in entries.values() for entry in of for member in entry})
    run.tell("bad.line", *line_base(entries))
    return True


def tell_of_failure(run, name, status, entries):
    codes = [plain(entry.get("code")) for entry in entries]
    seen = quoted(status) + (f": {quoted(codes[0])}" if codes else "")
    seen += f", {len(codes)} entries" if len(codes) > 1 else ""
    # Such files are refused before they are sent; other names are the server's words all the same.
    run.tell(name, seen, judged(status == "failed" and BAD[name] in codes, copes=True))


def tell_of_members(run, members):
    holds, copes = {"code", "message", "param", "line"} <= members, "message" in members
    run.tell("bad.shape", quoted(*sorted(members)) or "no entry", judged(holds, copes))


def line_base(entries):
    """Which number the first line has: what is seen, and the verdict."""
    lines = {e["line"] for name in ONE_LINE for e in entries[name] if e.get("line") is not None}
    if not lines:
        return "no line is named", COPES
    firsts = sorted({line - BAD_LINE + 1 for line in lines})
    if firsts not in ([0], [1]):
        return f"line {BAD_LINE} is called {', '.join(map(str, sorted(lines)))}", BROKEN
    # The program takes the named line for the request to blame.
    return f"from {firsts[0]}", judged(firsts == [1])
