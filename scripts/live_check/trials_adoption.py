"""Trials of a create whose reply gets lost."""

import time

from live_check import jobs
from live_check.inputs import ADOPTED_ITEMS
from live_check.proxy import Cutter
from live_check.rows import judged
from live_check.server import CALL_TIMEOUT
from live_check.stop import EXIT_OK, EXIT_SOME_FAILED, EXIT_TEMPORARY, EXIT_UNFINISHED, Stop


def adoption(run):
    """The program creates a batch, and never hears of it."""
    with cutter(run) as way:
        told = jobs.submit(run, "adopted", ["--adopt-grace", f"{run.state['grace']}s"], way.url).err
        if not run.state["adoption"]["made"]:
            raise Stop(EXIT_TEMPORARY, f"the program made no batch: {told.strip()[-300:]}")
        adopter = await_adoption(run, way.url)
    if adopter:
        tell_of_adoption(run, adopter)
    return bool(adopter)


def cutter(run):
    """The job remembers the server's address, so it stays the same through a run."""
    known = run.state["adoption"]
    try:
        way = Cutter(run.api.base_url, known["port"], run.state)
    except OSError as trouble:
        raise Stop(EXIT_TEMPORARY, f"port {known['port']} on this machine: {trouble.strerror}") from None
    known["port"] = way.server_address[1]
    run.state.save()
    return way


def await_adoption(run, url):
    """The command after which the program knows a batch, or which was the last to be tried; None where this call of
    the script must end before."""
    job, patience, adopter = run.name("adopted"), time.time() + 3 * run.state["grace"] + CALL_TIMEOUT, "`submit`"
    while not run.program.batch_id(job) and time.time() < patience:
        if run.left() == 0:
            return None
        time.sleep(1)
        run.program.run(["poll", job], url)
        adopter = "`poll`"
    return adopter


def tell_of_adoption(run, adopter):
    known = run.state["adoption"]
    first, seconds = known["made"][0], time.time() - known["cut_at"]
    adopted = run.program.batch_id(run.name("adopted")) == first and known["looks"] > 0
    there = batches_of_job(run, first) | set(known["made"])
    for number, batch_id in enumerate(sorted(there)):
        run.keep_batch(f"adopted.{number}", batch_id)
    how = f"adopted by {adopter} {seconds:.0f} s after the cut" if adopted else "not adopted"
    seen = f"{len(there)} batch{'es' if len(there) > 1 else ''}, {how}"
    run.tell("adopt.lost", seen, judged(len(there) == 1 and adopted))


def batches_of_job(run, batch_id):
    """The ids of all batches that were made for the job of this one."""
    job_uuid = run.api.get("/batches/" + batch_id)["metadata"]["bw_job_uuid"]
    return {batch["id"] for batch in run.batches_with("bw_job_uuid", job_uuid)}


def adopted_answers(run):
    """What was adopted is brought home like any other."""
    with cutter(run) as way:
        ended = jobs.fetch(run, "adopted", way.url)
    if ended.status in (EXIT_UNFINISHED, EXIT_TEMPORARY):
        return False
    ended.need(EXIT_OK, EXIT_SOME_FAILED)
    home = jobs.outcomes(run, "adopted")
    holds = home.answered == {f"adopted-{i}" for i in range(ADOPTED_ITEMS)}
    run.tell("adopt.collected", home.told(), judged(holds))
    return True
