"""Trials of creates."""

import email.utils
import time

from live_check import listings
from live_check.inputs import TWICE
from live_check.rows import COPES, UNSEEN, judged
from live_check.stop import Refused
from live_check.talk import say


def mixed(run):
    """A batch with two good requests and one that the model refuses; and what the listing of batches shows."""
    known = run.knows_batch("mixed")
    answer = run.create("mixed", run.state["mixed_file"])
    made_at, ours = time.time(), {"live_check": run.name("mixed")}
    holds = answer.json.get("metadata") == ours
    run.tell("create.metadata", f"{answer.status}, metadata {likeness(answer.json, ours)}", judged(holds))
    listed, lag = listings.look_for(run, listings.BATCHES, answer.json["id"], made_at)
    if known:
        run.tell("create.listing", "not measured: this script was interrupted", UNSEEN)
    else:
        in_time = listed and lag <= run.state["grace"]
        run.tell("create.listing", listings.told_lag(listed, lag), judged(in_time))
    tell_of_listed(run, listed, ours)
    tell_of_headers(run, answer)
    return True


def likeness(batch, metadata):
    seen = batch.get("metadata")
    return "as given" if seen == metadata else "missing" if not seen else "changed"


def tell_of_listed(run, listed, ours):
    if not listed:
        run.tell("create.listed", "not listed", UNSEEN)
        return
    seen = likeness(listed, ours)
    # Without metadata a batch is known by its input file.
    copes = seen == "missing" and bool(listed.get("input_file_id"))
    run.tell("create.listed", seen, judged(seen == "as given", copes))


def tell_of_headers(run, answer):
    date = answer.headers["Date"]
    off = abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) if date else None
    seen = "missing" if off is None else "the same, to 2 s" if off < 2 else f"off by {off:.0f} s"
    run.tell("call.date", seen, judged(off is not None and off < 300, copes=True))
    there = bool(answer.headers["x-request-id"])
    run.tell("call.request", "there" if there else "missing", judged(there, copes=True))


def created_twice(run):
    """Two creates that differ in nothing and carry one key."""
    if "twice_file" not in run.state:
        run.state["twice_file"] = run.upload(TWICE)["id"]
    create_once(run, "twice.0")
    try:
        create_once(run, "twice.1")
        one = run.state["batches"]["twice.0"] == run.state["batches"]["twice.1"]
        run.tell("create.twice", "one batch: the key counts" if one else "two batches", judged(not one, copes=True))
    except Refused as refusal:
        say(str(refusal))
        run.tell("create.twice", "the second is refused", COPES)
    newest = run.state["batches"].get("twice.1", run.state["batches"]["twice.0"])
    listings.look_for(run, listings.BATCHES, newest, time.time())
    listings.tell_paging(run, "create.paging", listings.BATCHES)
    return True


def create_once(run, name):
    if not run.knows_batch(name):
        run.create(name, run.state["twice_file"], tag="twice", **{"Idempotency-Key": run.name("twice")})
