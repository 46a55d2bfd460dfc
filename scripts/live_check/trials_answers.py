"""Trials of the files of a batch that ran: both shapes of lines, and how downloads behave."""

from live_check.reading import entries_of, has_ended, lines_of, plain, quoted
from live_check.rows import BROKEN, COPES, UNSEEN, judged


def answers(run):
    """What the batch with good and refused requests has to show."""
    batch = run.batch("mixed")
    if not has_ended(batch):
        return False
    lines = lines_of(run, batch)
    output, error = lines["output"], lines["error"] or {}
    if output is None:
        tell_of_nothing(run, batch)
        return True
    run.tell("line.answered", *shape("good-0", output, error, where="output file", status=200))
    run.tell("line.refused", *shape("bad-0", output, error, where="error file", status=400))
    tell_of_downloads(run, batch["output_file_id"])
    return True


def tell_of_nothing(run, batch):
    codes = [entry.get("code") for entry in entries_of(batch)]
    seen = ", ".join([f"{quoted(batch['status'])} without an output file", *map(quoted, codes)])
    for key in ("line.answered", "line.refused", "create.expiry", "file.length", "file.range"):
        run.tell(key, seen, UNSEEN)


def shape(custom_id, output, error, where, status):
    """Where a line stands and what it says, in the words of the table; and the verdict."""
    file, lines = ("output file", output) if custom_id in output else ("error file", error)
    if (line := lines.get(custom_id)) is None:
        return "in neither file", COPES
    response, fault = line.get("response"), line.get("error")
    seen = f"{file}: "
    seen += f"`status_code` {int(response['status_code'])}" if response else "`response` null"
    seen += ", `error` null" if fault is None else f", `error.code` `{plain(fault.get('code'))}`"
    refused = status != 200 and (fault is not None or response and response.get("status_code") != 200)
    return seen, judged(seen == f"{where}: `status_code` {status}, `error` null", copes=refused)


def tell_of_downloads(run, file_id):
    file, whole = run.api.get("/files/" + file_id), run.api.content(file_id)
    run.tell_life("create.expiry", file)
    lengths = {"`Content-Length`": whole.headers["Content-Length"], "`bytes`": file.get("bytes")}
    words = {of: agreement(length, len(whole.body)) for of, length in lengths.items()}
    # Where no length is told, the last line says whether a download is whole.
    holds, copes = set(words.values()) == {"agrees"}, "differs" not in words.values()
    run.tell("file.length", ", ".join(f"{of} {word}" for of, word in words.items()), judged(holds, copes))
    run.tell("file.range", *resumed(run, file_id, whole.body))


def agreement(length, size):
    return "missing" if length is None else "agrees" if int(length) == size else "differs"


def resumed(run, file_id, whole):
    """The rest of a file from its middle on, as a download goes on that was cut."""
    at = len(whole) // 2
    rest = run.api.content(file_id, Range=f"bytes={at}-")
    if rest.status == 206:
        where, right = rest.headers["Content-Range"], rest.body == whole[at:]
        seen = f"206 {'with' if where else 'without'} `Content-Range`, {'the rest' if right else 'other bytes'}"
        return seen, judged(right and where == f"bytes {at}-{len(whole) - 1}/{len(whole)}")
    if rest.status == 200 and rest.body == whole:
        return "200, the whole file again", COPES
    return f"{rest.status}, {len(rest.body)} of {len(whole)} bytes", BROKEN
