"""Looks into the listings of files and batches: how late they are, and how they page."""

import json
import time

from live_check.rows import UNSEEN, judged

FILES, BATCHES = "/files?purpose=batch&", "/batches?"  # each goes on with limit=N


def look_for(run, listing, wanted, since):
    """The object in a listing and the seconds after which it was there, or None and those that were waited."""
    longest = 2 * run.state["grace"]
    while True:
        lag = time.time() - since
        for entry in run.api.get(listing + "limit=100")["data"]:
            if entry["id"] == wanted:
                return entry, lag
        if lag > longest:
            return None, lag
        time.sleep(0.2 if lag < 5 else 1)


def told_lag(listed, lag):
    return f"after {lag:.1f} s" if listed else f"not within {lag:.0f} s"


def tell_paging(run, key, listing):
    run.tell(key, *paging(run, listing))


def paging(run, listing):
    """Two pages of one entry each: what is seen, and the verdict."""
    first = run.api.get(listing + "limit=1")
    if not (data := first["data"]):
        return "nothing is listed yet", UNSEEN
    second = run.api.get(f"{listing}limit=1&after={data[-1]['id']}")["data"]
    again = data[-1]["id"] in [entry["id"] for entry in second]
    seen = f"{len(data)}, then {len(second)}{', the same again' if again else ''}"
    seen += f", `has_more` {json.dumps(first.get('has_more', 'missing'))}"
    return seen, judged(seen == "1, then 1, `has_more` true", copes=not again)
