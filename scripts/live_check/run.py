"""What every trial works with: the API, the program, and what is known so far."""

import time

from live_check.inputs import FILES, batch_of
from live_check.rows import COPES, ROWS, judged
from live_check.stop import EXIT_ERROR, EXIT_TEMPORARY, Refused, Stop
from live_check.talk import say

FILE_LIFE = 3 * 86400  # seconds, should nobody come back to delete them
CLOCKS_DIFFER = 600  # seconds, at most


class Run:
    """One run, over as many calls of this script as it takes."""

    def __init__(self, api, program, state, directory, deadline):
        self.api, self.program, self.state, self.directory, self.deadline = api, program, state, directory, deadline

    def left(self):
        """Seconds that this call of the script may stay."""
        return max(0.0, self.deadline - time.time())

    def name(self, of):
        """What a file, a batch or a job of this run is called at the server."""
        return f"live-check-{self.state['run']}-{of}"

    def content(self, of):
        """The file of that name, as it is sent."""
        return "".join(FILES[of](self.state["model"]))

    def tell(self, key, seen, verdict):
        """Fills a row of the table."""
        self.state["rows"][key] = [seen, verdict]
        self.state["told_at"] = time.time()
        self.state.save()
        what, _ = ROWS[key]
        say(f"{what}: {seen} - {verdict}")

    def tell_life(self, key, file):
        """For how long a file is kept, unless the row says that the server lets nobody choose."""
        if key in self.state["rows"]:
            return
        life = file.get("expires_at") and file["expires_at"] - file["created_at"]
        seen = f"after {life / 86400:.3g} days" if life else "missing"
        self.tell(key, f"200, `expires_at` {seen}", judged(life == FILE_LIFE, copes=True))

    def upload(self, of):
        """Uploads the file of that name; without a life of its own where the server refuses that."""
        fields = [("purpose", "batch")]
        life = [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", str(FILE_LIFE))]
        file_name, content = self.name(of) + ".jsonl", self.content(of).encode()
        answer = self.api.upload(fields + life, file_name, content)
        if answer.refuses("expires_after"):
            self.tell("upload.expiry", f"{answer.status}", COPES)
            answer = self.api.upload(fields, file_name, content)
        if not answer.ok:
            raise Stop(EXIT_ERROR, f"POST /files: {answer.told()}")
        self.state["files"].append(answer.json["id"])
        self.state.save()
        return answer.json

    def create(self, name, file_id, tag=None, **headers):
        """The answer of POST /batches, or of GET where an earlier call of this script made the batch. Raises
        Refused."""
        tag = self.name(tag or name)
        if name in self.state["begun"] and (lost := self.lost_batch(tag)):
            self.keep_batch(name, lost)
            return self.api.call("GET", "/batches/" + lost)
        self.state["begun"].append(name)
        self.state.save()
        answer = self.post_batch(file_id, tag, headers)
        if not answer.ok:
            raise Refused(EXIT_TEMPORARY, f"POST /batches: {answer.told()}")
        self.keep_batch(name, answer.json["id"])
        return answer

    def lost_batch(self, tag):
        """The id of a batch of that tag that is not known yet, or None."""
        known = self.state["batches"].values()
        return next((b["id"] for b in self.batches_with("live_check", tag) if b["id"] not in known), None)

    def post_batch(self, file_id, tag, headers):
        """Creates a batch; its files without a life of their own where the server refuses that."""
        body = {**batch_of(file_id), "metadata": {"live_check": tag}}
        life = {"output_expires_after": {"anchor": "created_at", "seconds": FILE_LIFE}}
        answer = self.api.call("POST", "/batches", body | life, **headers)
        if answer.refuses("output_expires_after"):
            self.tell("create.expiry", f"{answer.status}", COPES)
            answer = self.api.call("POST", "/batches", body, **headers)
        return answer

    def keep_batch(self, name, batch_id):
        self.state["batches"][name] = batch_id
        self.state.save()

    def knows_batch(self, name):
        return name in self.state["batches"]

    def batch(self, name):
        return self.api.get("/batches/" + self.state["batches"][name])

    def batches_with(self, key, value):
        """The batches since the beginning of this run whose metadata say so, looked at one by one if need be."""
        whole = [b if b.get("metadata") else self.api.get("/batches/" + b["id"]) for b in self.recent_batches()]
        return [b for b in whole if (b.get("metadata") or {}).get(key) == value]

    def recent_batches(self):
        """The batches since the beginning of this run, as they are listed."""
        found, last, after = [], None, ""
        while True:
            page = self.api.get("/batches?limit=100" + after)["data"]
            recent = [b for b in page if b["created_at"] > self.state["began_at"] - CLOCKS_DIFFER]
            found += recent
            if not recent or len(recent) < len(page) or page[-1]["id"] == last:
                return found
            last = page[-1]["id"]
            after = "&after=" + last
