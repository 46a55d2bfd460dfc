"""Trials of a cancel: its end, the lines that it leaves, and what is brought home."""

from live_check import jobs
from live_check.inputs import CANCELLED_ITEMS
from live_check.reading import code_of, has_ended, lines_of, quoted
from live_check.rows import COPES, UNSEEN, judged
from live_check.stop import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED, EXIT_TEMPORARY

LONGEST_CANCEL = 10 * 60  # seconds, as the guide says
TOO_LATE = (200, 400, 409)  # what a cancel may be answered that changes nothing


def cancelling(run):
    """A batch is cancelled while its requests run."""
    if not (is_submitted(run) and is_running(run)):
        return False
    ended = run.program.run(["cancel", run.name("cancelled")], run.api.base_url, longest=run.left() + 5)
    if ended.status in (None, EXIT_TEMPORARY, EXIT_INTERRUPTED):
        return False
    ended.need(EXIT_OK)
    batch = run.batch("cancelled")
    lines = lines_of(run, batch)
    tell_of_cancel(run, batch, lines)
    tell_of_harvest(run, lines["output"] or {})
    return True


def is_submitted(run):
    if not run.knows_batch("cancelled"):
        jobs.submit(run, "cancelled", [], run.api.base_url)
        if not (batch_id := run.program.batch_id(run.name("cancelled"))):
            return False
        run.keep_batch("cancelled", batch_id)
    return True


def is_running(run):
    """Puts down the status out of which the batch is cancelled."""
    if run.state["cancelling"] is None:
        status = run.batch("cancelled")["status"]
        if status == "validating":
            return False
        run.state["cancelling"] = status
        run.state.save()
    return True


def tell_of_cancel(run, batch, lines):
    if batch["status"] == "cancelled":
        tell_of_end(run, batch)
        tell_of_lines(run, lines["output"] or {}, lines["error"])
    else:
        run.tell("cancel.end", f"{quoted(batch['status'])}: it ended before the cancel took effect", UNSEEN)
        run.tell("cancel.lines", "none", UNSEEN)


def tell_of_end(run, batch):
    began, ended = batch.get("cancelling_at"), batch.get("cancelled_at")
    took = ended - began if began and ended else None
    when = "at a time not told" if took is None else f"after {took} s"
    seen = f"`cancelled` {when}, out of {quoted(run.state['cancelling'])}"
    run.tell("cancel.end", seen, judged(took is not None and took <= LONGEST_CANCEL, copes=True))


def tell_of_lines(run, output, error):
    known = {**output, **(error or {})}
    undone = [line for line in (error or {}).values() if line.get("response") is None]
    if missing := CANCELLED_ITEMS - len(known):
        there = "no error file" if error is None else f"{len(undone)} in the error file"
        run.tell("cancel.lines", f"{missing} of {CANCELLED_ITEMS} in no file, {there}", COPES)
    elif undone:
        codes = sorted({code_of(line.get("error")) for line in undone})
        holds, copes = codes == ["batch_cancelled"], all(line.get("error") for line in undone)
        run.tell("cancel.lines", f"{len(undone)}: `response` null, {quoted(*codes)}", judged(holds, copes))
    else:
        run.tell("cancel.lines", f"none: all {CANCELLED_ITEMS} were run", UNSEEN)


def tell_of_harvest(run, output):
    jobs.fetch(run, "cancelled", run.api.base_url).need(EXIT_OK, EXIT_SOME_FAILED)
    home = jobs.outcomes(run, "cancelled")
    at_server = {i for i, line in output.items() if (line.get("response") or {}).get("status_code") == 200}
    run.tell("cancel.harvest", home.told(), judged(home.items == CANCELLED_ITEMS and home.answered == at_server))


def cancelled_again(run):
    """A cancel that comes too late."""
    batches = [run.batch(name) for name in ("cancelled", "mixed")]
    if not all(map(has_ended, batches)):
        return False
    answers = [run.api.call("POST", f"/batches/{batch['id']}/cancel").status for batch in batches]
    seen = "; ".join(f"{quoted(batch['status'])}: {answer}" for batch, answer in zip(batches, answers))
    run.tell("cancel.again", seen, judged(all(answer in TOO_LATE for answer in answers)))
    return True
