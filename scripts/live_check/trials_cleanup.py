"""The last trial: nothing of this run stays at the server but its batches, which cannot be deleted."""

import shutil

from live_check.reading import has_ended
from live_check.rows import judged
from live_check.stop import EXIT_TEMPORARY, Stop


def clean(run):
    """Deletes what was uploaded and what came of it, once nothing runs any more."""
    batches = own_batches(run)
    if not all(map(has_ended, batches)):
        return False  # a twin, say
    ids = own_files(run, batches)
    for file_id in ids:
        delete(run, file_id)
    left = {run.api.call("GET", f"/files/{i}{path}").status for i in ids for path in ("", "/content")}
    odd = sorted(left - {404})
    seen = f"{len(ids)} files, " + (f"then {', '.join(map(str, odd))}" if odd else "404 for all")
    run.tell("clean.files", seen, judged(not odd, copes=all(status >= 400 for status in odd)))
    shutil.rmtree(run.program.home, ignore_errors=True)
    return True


def delete(run, file_id):
    deleted = run.api.call("DELETE", "/files/" + file_id)
    if not deleted.ok and deleted.status != 404:
        raise Stop(EXIT_TEMPORARY, f"DELETE /files/ID: {deleted.told()}")


def own_batches(run):
    ids = {*run.state["batches"].values(), *run.state["adoption"]["made"]}
    for job in ("adopted", "cancelled"):
        ids |= {batch["id"] for batch in run.batches_with("bw_job", run.name(job))}
    return [run.api.get("/batches/" + batch_id) for batch_id in sorted(ids)]


def own_files(run, batches):
    """What was uploaded here, what the batches read and wrote, and what bears this run's name."""
    ids = set(run.state["files"])
    for batch in batches:
        ids |= {batch.get(m) for m in ("input_file_id", "output_file_id", "error_file_id")} - {None, ""}
    listed = run.api.get("/files?purpose=batch&limit=1000")["data"]
    return sorted(ids | {file["id"] for file in listed if str(file.get("filename")).startswith(run.name(""))})


def stop_batches(run):
    """Cancels what still runs."""
    for batch in own_batches(run):
        if not has_ended(batch):
            run.api.call("POST", f"/batches/{batch['id']}/cancel")
