"""What is remembered between calls of this script, in a directory that one of them at a time works in."""

import contextlib
import fcntl
import json
import os
import threading
import time
import uuid

from live_check.inputs import MODEL
from live_check.stop import EXIT_TEMPORARY, Stop

GRACE = 60  # seconds


class State(dict):
    """What is known so far, as it stands in the directory after each save; empty before a run begins."""

    def __init__(self, directory):
        super().__init__()
        self.path, self.lock = directory / "state.json", threading.RLock()
        with contextlib.suppress(FileNotFoundError):
            self.update(json.loads(self.path.read_text()))

    def save(self):
        with self.lock:
            write_whole(self.path, json.dumps(self, indent=1))


def write_whole(path, text):
    """The file appears whole or not at all."""
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(text)
    os.replace(beside, path)


def fresh_state(options, base_url):
    return {
        "run": uuid.uuid4().hex[:8],
        "base_url": base_url,
        "model": options.model or MODEL,
        "grace": options.grace or GRACE,
        "began_at": time.time(),
        "begun": [],  # names of batches whose create was sent
        "batches": {},  # their ids by name
        "files": [],  # ids of what was uploaded here
        "done": [],  # trials
        "rows": {},  # what was seen, and the verdict, by key
        "adoption": {"port": 0, "made": [], "cut_at": None, "looks": 0},  # what passed between program and API
        "cancelling": None,  # the status that the batch had when it was cancelled
    }


def the_only_one(directory):
    """A lock on the directory, held until it is closed. Raises Stop where another holds it."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = open(directory / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Stop(EXIT_TEMPORARY, f"another live-check works in {directory}") from None
    return lock
