"""Trials of uploads."""

import time

from live_check import listings
from live_check.rows import judged


def files(run):
    """Uploads, and what the listing of files shows."""
    file = run.upload("mixed")
    uploaded_at = time.time()
    run.state["mixed_file"] = file["id"]
    run.tell_life("upload.expiry", file)
    tell_of_listing(run, file, uploaded_at)
    second = run.upload("mixed")  # so that there are two
    listings.look_for(run, listings.FILES, second["id"], time.time())
    listings.tell_paging(run, "upload.paging", listings.FILES)
    return True


def tell_of_listing(run, file, uploaded_at):
    listed, lag = listings.look_for(run, listings.FILES, file["id"], uploaded_at)
    seen, same = listings.told_lag(listed, lag), {}
    if listed:
        same = {member: listed.get(member) == file[member] for member in ("filename", "bytes")}
        seen += ", " + " and ".join(("" if there else "no ") + member for member, there in same.items())
    holds = listed and lag <= run.state["grace"] and all(same.values())
    # Where an upload is not found, the file is sent anew: that costs nothing.
    run.tell("upload.listing", seen, judged(holds, copes=True))
