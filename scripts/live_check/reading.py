"""Reads what the API answers, for the table."""

import json
import re

from live_check.stop import EXIT_TEMPORARY, Stop

ENDED = ("failed", "completed", "expired", "cancelled")


def plain(word):
    """A word of the server's that may stand in the table."""
    return word if isinstance(word, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", word) else "?"


def quoted(*words):
    return ", ".join(f"`{plain(word)}`" for word in words)


def code_of(error):
    return plain((error or {}).get("code"))


def has_ended(batch):
    return batch["status"] in ENDED


def entries_of(batch):
    """What the server says is wrong with a batch."""
    return [entry for entry in (batch.get("errors") or {}).get("data") or [] if isinstance(entry, dict)]


def lines_of(run, batch):
    """The lines of the output and the error file of a batch by custom_id; None where there is no such file."""
    return {side: lines_in(run, batch.get(f"{side}_file_id")) for side in ("output", "error")}


def lines_in(run, file_id):
    if not file_id:
        return None
    content = run.api.content(file_id)
    if not content.ok:
        raise Stop(EXIT_TEMPORARY, f"GET /files/ID/content: {content.told()}")
    return {line["custom_id"]: line for line in map(json.loads, content.body.splitlines())}
