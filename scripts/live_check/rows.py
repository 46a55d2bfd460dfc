"""The rows of the table, and the verdicts."""

from live_check.inputs import ADOPTED_ITEMS

# What the program is built to live with is no defect, but worth knowing.
HOLDS, COPES, BROKEN = "holds", "differs, allowed for", "DOES NOT HOLD"
UNSEEN, OPEN = "not seen", "open"

# What is tried, and what the program takes for granted.
ROWS = {
    "upload.expiry": ("an upload with `expires_after`", "200, and `expires_at` as asked"),
    "upload.listing": ("`GET /files` after an upload", "shows it with name and bytes, within {grace}"),
    "upload.paging": ("`GET /files` with `limit` and `after`", "one file a page, then another"),
    "create.metadata": ("`POST /batches` with `metadata`", "200, and the metadata comes back"),
    "create.expiry": (
        "`POST /batches` with `output_expires_after`",
        "200, and output files have `expires_at` as asked",
    ),
    "create.listing": ("`GET /batches` after a create", "shows it, within {grace} (`--adopt-grace`)"),
    "create.listed": ("metadata in `GET /batches`", "the same as in `GET /batches/ID`"),
    "create.paging": ("`GET /batches` with `limit` and `after`", "one batch a page, then an older one"),
    "create.twice": ("two creates with one `Idempotency-Key`", "two batches: the key does not count"),
    "call.date": ("`Date` of answers", "there, within 5 min of this clock"),
    "call.request": ("`x-request-id` of answers", "there"),
    "call.unknown": ("an unknown batch; a create of an unknown file", "404; 400; each a JSON `error`"),
    "adopt.lost": ("the reply to `POST /batches` is cut", "one batch of that `bw_job_uuid`, adopted"),
    "adopt.collected": ("the adopted batch is fetched", f"{ADOPTED_ITEMS} of {ADOPTED_ITEMS} answered"),
    "bad.duplicate": ("a file with a `custom_id` twice", "`failed`: `duplicate_custom_id`"),
    "bad.url": ("a file with another `url`", "`failed`: `url_mismatch`"),
    "bad.json": ("a file with a line that is no JSON", "`failed`: `invalid_json_line`"),
    "bad.model": ("a file with two models", "`failed`: `model_mismatch`"),
    "bad.method": ("a file with a line without `method`", "`failed`: `missing_required_parameter`"),
    "bad.shape": ("entries of `errors.data`", "`code`, `message`, `param`, `line`"),
    "bad.line": ("`line` of such an entry counts", "from 1"),
    "line.answered": ("line of a request that was answered", "output file: `status_code` 200, `error` null"),
    "line.refused": ("line of a request that was refused", "error file: `status_code` 400, `error` null"),
    "file.length": ("length of a download", "`Content-Length` and the file's `bytes` agree with it"),
    "file.range": ("download with `Range: bytes=N-`", "206 with `Content-Range`, the rest"),
    "cancel.end": ("`cancel` of a running batch", "`cancelled`, within 10 min"),
    "cancel.lines": ("lines of requests that a cancel left undone", "error file: `response` null, `batch_cancelled`"),
    "cancel.harvest": ("what `cancel` and `fetch` bring home", "an outcome for each item, what was answered kept"),
    "cancel.again": ("cancel of a batch that is cancelled; completed", "200, 400 or 409"),
    "clean.files": ("`DELETE` of every file, then `GET`", "404 for the file and for its content"),
}


def judged(holds, copes=False):
    return HOLDS if holds else COPES if copes else BROKEN
