"""Proves scripts/live-check against the emulator: `rehearse.py SCRIPT PROGRAM README`.

A server that keeps to the guide must give a table in which everything holds; one that errs on purpose must give other
verdicts, in the rows where it errs and nowhere else. The emulator's ledger says what was sent, created and deleted.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import pty
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(sys.argv[1]).resolve().parent))

from live_check.costs import worst_case_usd
from live_check.inputs import CANCELLED_ITEMS, ENDPOINT, MODEL, request
from live_check.proxy import Cutter
from live_check.rows import ROWS
from live_check.server import Api, exchange
from live_check.state import State
from live_check.table import MARKS
from live_check.trials_answers import shape
from live_check.trials_cancel import tell_of_cancel
from live_check.trials_errors import line_base

KEY = "rehearsal-key-that-must-not-show"
LONGEST = 240
SLOW = {"validating_ms": 300, "in_progress_ms": 5000}  # long enough to be seen running
ALLOWED, BROKEN, UNSEEN, OPEN, HOLDS = "differs, allowed for", "DOES NOT HOLD", "not seen", "open", "holds"


class Server:
    """An emulator as a process, ended with its scope."""

    def __init__(self, program, directory, faults, *options):
        rules = directory / "faults.json"
        rules.write_text(json.dumps({**SLOW, **faults}))
        words = [program, "--json", "emulator", "--faults", str(rules), "--api-key", KEY, *options]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        first = json.loads(self.process.stdout.readline())
        self.url, self.ca_file = first["url"], first.get("ca_file")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ledger(self):
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca_file))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)
        with opener.open(self.url.removesuffix("/v1") + "/emulator/ledger", timeout=30) as answer:
            return json.load(answer)


class Bench:
    """A place for one case, and the script to run there."""

    def __init__(self, case, place):
        self.script, self.program, self.readme = sys.argv[1:]
        self.case, self.place = case, place
        self.state = place / "state"
        self.found = []

    def check(self, true, words):
        if not true:
            self.found.append(words)

    def run(self, server, *options, **variables):
        own = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "BATCHWRIGHT_"))}
        own |= {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": server.url,
            "HOME": str(self.place),
            "TMPDIR": str(self.place),
        }
        # A proxy that answers nobody: what is on this machine is reached without it.
        own |= {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "PYTHONDONTWRITEBYTECODE": "1"}
        own |= {"SSL_CERT_FILE": server.ca_file} if server.ca_file else {}
        own |= variables
        words = [sys.executable, self.script, "--dir", str(self.state), "--program", self.program, *options]
        ended = subprocess.run(
            words, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST
        )
        self.check(KEY not in ended.stdout + ended.stderr, "the key is shown")
        self.check("Traceback" not in ended.stderr, ended.stderr)
        return ended

    def ends(self, ended, status):
        self.check(ended.returncode == status, f"ended with {ended.returncode}, not {status}: {ended.stderr[-800:]}")

    def rows(self, table):
        """The rows by what is tried, as [seen, verdict]."""
        lines = [line for line in table.splitlines() if line.startswith("| ")]
        cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
        self.check(all(len(row) == 4 for row in cells), f"not four cells each: {table}")
        return {row[0]: row[2:] for row in cells[1:]}

    def verdicts(self, table, **otherwise):
        """Everything holds, but for the rows of these keys: what is seen there, and the verdict."""
        rows, names = self.rows(table), {key: what for key, (what, _) in ROWS.items()}
        self.check(list(rows) == list(names.values()), f"other rows: {list(rows)}")
        expected = {key.replace("__", "."): value for key, value in otherwise.items()}
        for key, what in names.items():
            seen, verdict = rows.get(what, ["", "no row"])
            words, right = expected.get(key, ("", HOLDS))
            self.check(
                verdict == right and re.search(words if isinstance(words, re.Pattern) else re.escape(words), seen),
                f"{key}: seen `{seen}`, `{verdict}`; not `{words}`, `{right}`",
            )

    def only_files_deleted(self, ledger):
        left = [file["filename"] for file in ledger["files"] if not file["deleted"]]
        self.check(ledger["uploads"] > 0 and not left, f"files left at the server: {left}")
        self.check(not (self.state / "home").exists(), "the program's state root is left")
        texts = [path for path in self.state.rglob("*") if path.is_file() and KEY in path.read_text(errors="replace")]
        self.check(not texts, f"the key is in {texts}")


def adopted_batches(ledger):
    return [b for b in ledger["batches"] if str((b["metadata"] or {}).get("bw_job")).endswith("-adopted")]


def orderly(bench):
    """A server that keeps to the guide, over TLS, met by several calls of the script."""
    readme = bench.place / "README.md"
    readme.write_text(pathlib.Path(bench.readme).read_text())
    around = [
        readme.read_text().partition(MARKS[0])[0],
        readme.read_text().partition(MARKS[1])[2],
    ]
    with Server(bench.program, bench.place, {"in_progress_ms": 6000}, "--tls") as server:
        first = bench.run(server, "--yes", "--wait", "1s", "--update-readme", str(readme))
        bench.ends(first, 5)
        bench.check(OPEN in [verdict for _, verdict in bench.rows(first.stdout).values()], "nothing was open")
        bench.check("still open." in readme.read_text(), "the README does not say that some is open")
        bench.ends(bench.run(server, "--model", "gpt-5.4-mini"), 64)
        bench.ends(bench.run(server, OPENAI_BASE_URL="https://127.0.0.1:9/v1"), 78)
        last = bench.run(server, "--wait", "60s", "--update-readme", str(readme))
        bench.ends(last, 0)
        bench.verdicts(last.stdout)
        ledger = server.ledger()
        bench.check(len(adopted_batches(ledger)) == 1, f"adopted batches: {adopted_batches(ledger)}")
        for total in ("executed_twice", "billed_twice", "foreign_batches_cancelled"):
            bench.check(ledger[total] == 0, f"{total} is {ledger[total]}")
        bench.only_files_deleted(ledger)
        bench.check(0 < worst_case_usd(MODEL) < 0.10, "the bound is not under 0.10 USD")
        bench.check("at most $0.0" in first.stderr, "the bound is not told")
        bench.check("Rehearsed, not live" in last.stdout and server.url in last.stdout, "the table does not say where")
        after = readme.read_text()
        bench.check(after == f"{around[0]}{MARKS[0]}\n\n{last.stdout}\n{MARKS[1]}{around[1]}", after)
        bench.check((bench.state / "table.md").read_text() == last.stdout, "table.md is another")
        calls = sum(row["calls"] for row in ledger["calls"])
        again = bench.run(server, "--yes", "--wait", "1s")
        bench.ends(again, 0)
        bench.check(again.stdout == last.stdout, "a finished run has another table")
        bench.check(
            sum(row["calls"] for row in server.ledger()["calls"]) == calls + 1, "a finished run calls the server"
        )


def erring(bench):
    """A server that errs where the program can live with it, and counts lines from 0, where it cannot."""
    # Batches by number: 1 is the mixed one, 2 to 6 are the bad files, 9 gets lost, 10 is cancelled.
    refusal = {"error": {"message": "Unknown parameter: 'expires_after[anchor]'.", "type": "invalid_request_error"}}
    faults = {
        "no_range": True,
        "list_lag_ms": 1500,
        "list_without_metadata": True,
        "fail_batches": [{"batch": [3, 4, 6], "code": "bad_line", "message": "This line is bad.", "line": 2}],
        "cancel_faults": [{"batch": 10}],
        "http": [
            {
                "method": "POST",
                "path": "/v1/files",
                "nth": 1,
                "action": "status",
                "status": 400,
                "body": json.dumps(refusal),
            }
        ],
    }
    with Server(bench.program, bench.place, faults) as server:
        ended = bench.run(server, "--yes", "--grace", "5s", "--wait", "90s")
        bench.ends(ended, 3)
        bench.verdicts(
            ended.stdout,
            upload__expiry=("400", ALLOWED),
            upload__listing=(re.compile(r"after [1-4]\."), HOLDS),
            create__listing=(re.compile(r"after [1-4]\."), HOLDS),
            create__listed=("missing", ALLOWED),
            bad__url=("`failed`: `bad_line`", ALLOWED),
            bad__json=("`failed`: `bad_line`", ALLOWED),
            bad__method=("`failed`: `bad_line`", ALLOWED),
            bad__line=("from 0", BROKEN),
            file__range=("200, the whole file again", ALLOWED),
            cancel__end=("`completed`", UNSEEN),
            cancel__lines=("none", UNSEEN),
            cancel__harvest=("40 of 40 answered", HOLDS),
            cancel__again=("`completed`: 409; `completed`: 409", HOLDS),
        )
        ledger = server.ledger()
        bench.check(len(adopted_batches(ledger)) == 1, f"adopted batches: {adopted_batches(ledger)}")
        bench.only_files_deleted(ledger)


def late(bench):
    """A listing that lags for longer than the grace time: then a second batch is made, and the table must say so."""
    with Server(bench.program, bench.place, {"list_lag_ms": 12000}) as server:
        ended = bench.run(server, "--yes", "--grace", "2s", "--wait", "90s")
        bench.ends(ended, 3)
        bench.verdicts(
            ended.stdout,
            upload__listing=("not within 4 s", ALLOWED),
            upload__paging=("nothing is listed", UNSEEN),
            create__listing=("not within 4 s", BROKEN),
            create__listed=("not listed", UNSEEN),
            create__paging=("nothing is listed", UNSEEN),
            adopt__lost=("2 batches, not adopted", BROKEN),
        )
        bench.check(len(adopted_batches(server.ledger())) == 2, "there were not two batches")
        bench.only_files_deleted(server.ledger())


def given_up(bench):
    """A batch that never ends, until it is given up."""
    with Server(bench.program, bench.place, {"stuck_batches": [{"batch": 1}]}) as server:
        bench.ends(bench.run(server, "--yes", "--wait", "20s"), 5)
        ended = bench.run(server, "--give-up", "--wait", "30s")
        bench.ends(ended, 0)
        still_open = {key: ("", OPEN) for key in ("line__answered", "line__refused", "file__length", "file__range")}
        bench.verdicts(ended.stdout, **still_open, create__expiry=("", OPEN), cancel__again=("", OPEN))
        bench.only_files_deleted(server.ledger())


def refused(bench):
    """What must not even begin."""
    with Server(bench.program, bench.place, {}) as server:
        bench.ends(bench.run(server, "--yes", OPENAI_API_KEY=""), 4)
        bench.ends(bench.run(server), 64)
        bench.ends(bench.run(server, "--yes", "--model", "gpt-6-astra"), 8)
        bench.ends(bench.run(server, "--yes", "--model", "no-such-model"), 64)
        bench.ends(bench.run(server, "--yes", "--wait", "soon"), 64)
        bench.ends(bench.run(server, "--give-up"), 64)
        bench.ends(bench.run(server, "--yes", OPENAI_BASE_URL="http://api.example.com/v1"), 78)
        unmarked = bench.place / "unmarked.md"
        unmarked.write_text("no marks\n")
        bench.ends(bench.run(server, "--yes", "--update-readme", str(unmarked)), 64)
        bench.ends(bench.run(server, "--yes", "--update-readme", str(bench.place / "none.md")), 74)
        bench.check(not (bench.state / "state.json").exists(), "a refused run leaves a state")
        calls = server.ledger()["calls"]
        bench.check([row["route"] for row in calls] == ["/emulator/ledger"], f"calls were made: {calls}")
        bench.ends(bench.run(server, "--yes", OPENAI_API_KEY="another"), 4)


def asked(bench):
    """On a terminal it asks, and without a yes nothing is sent."""
    with Server(bench.program, bench.place, {}) as server:
        master, terminal = pty.openpty()
        words = [sys.executable, bench.script, "--dir", str(bench.state), "--program", bench.program]
        variables = {**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url}
        process = subprocess.Popen(words, env=variables, stdin=terminal, stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(master, 4096)
        os.write(master, b"no\n")
        status = process.wait(LONGEST)
        os.close(master)
        bench.check(status == 64, f"a no ends with {status}")
        bench.check(b"at most $0.0" in said, f"it does not say what it costs: {said}")
        bench.check(server.ledger()["uploads"] == 0, "something was uploaded")


class Told:
    """What steps tell, for what no emulator can be made to do."""

    def __init__(self, status):
        self.state, self.rows = {"cancelling": status}, {}

    def tell(self, key, seen, verdict):
        self.rows[key] = (seen, verdict)


def shapes(bench):
    """Lines in shapes that the guide does not have."""
    never_ran = {"response": None, "error": {"code": "request_failed", "message": "org-secret"}}
    refused_both = {"response": {"status_code": 400}, "error": {"code": "bad one"}}
    seen = shape("bad-0", {}, {"bad-0": never_ran}, where="error file", status=400)
    bench.check(seen == ("error file: `response` null, `error.code` `request_failed`", ALLOWED), f"never ran: {seen}")
    seen = shape("bad-0", {}, {"bad-0": refused_both}, where="error file", status=400)
    bench.check(seen == ("error file: `status_code` 400, `error.code` `?`", ALLOWED), f"with both: {seen}")
    answered = {"response": {"status_code": 200}, "error": None}
    seen = shape("bad-0", {"bad-0": answered}, {}, where="error file", status=400)
    bench.check(seen[1] == BROKEN, f"a refused request that is answered: {seen}")
    bench.check(line_base({"bad.url": [], "bad.json": [], "bad.method": []})[1] == ALLOWED, "no line named")

    batch = {"status": "cancelled", "cancelling_at": 100, "cancelled_at": 701}
    ids = [f"cancelled-{i}" for i in range(CANCELLED_ITEMS)]
    cases = {
        "another code": (dict.fromkeys(ids, never_ran), ("40: `response` null, `request_failed`", ALLOWED)),
        "no code": (dict.fromkeys(ids, {"response": None, "error": None}), ("40: `response` null, `?`", BROKEN)),
        "no line": (None, ("40 of 40 in no file, no error file", ALLOWED)),
    }
    for case, (error, expected) in cases.items():
        run = Told("in_progress")
        tell_of_cancel(run, batch, {"output": None, "error": error})
        bench.check(run.rows["cancel.lines"] == expected, f"{case}: {run.rows}")
        bench.check(run.rows["cancel.end"] == ("`cancelled` after 601 s, out of `in_progress`", ALLOWED), f"{run.rows}")


def cut_reply(bench):
    """The way between program and API: the first create gets no answer and is done, all else passes unchanged."""
    bench.state.mkdir()
    with Server(bench.program, bench.place, {}) as server:
        state = State(bench.state)
        state["adoption"] = {"port": 0, "made": [], "cut_at": None, "looks": 0}
        api = Api(server.url)
        file_id = api.upload([("purpose", "batch")], "one.jsonl", request("one", MODEL).encode()).json["id"]
        body = {"input_file_id": file_id, "endpoint": ENDPOINT, "completion_window": "24h"}
        with Cutter(server.url, 0, state) as way:
            through = Api(way.url)
            headers = {**through.headers, "Content-Type": "application/json"}
            try:
                exchange("POST", way.url + "/batches", headers, json.dumps(body).encode())
                bench.check(False, "the first reply came through")
            except http.client.RemoteDisconnected:
                pass
            bench.check(server.ledger()["batches_created"] == 1, "what was cut did not reach the server")
            listed = through.get("/batches?limit=5")
            bench.check(state["adoption"]["made"] == [listed["data"][0]["id"]], "the lost batch was not put down")
            bench.check(state["adoption"]["looks"] == 1, "the look at the listing was not put down")
            bench.check(through.call("POST", "/batches", body).status == 200, "the second reply was cut")
            for answer in (api, through):
                refusal = answer.call("GET", "/files/file-unknown")
                bench.check(refusal.status == 404 and refusal.error, "a refusal does not pass")
            content = f"/files/{file_id}/content"
            rest = through.call("GET", content, Range="bytes=10-")
            bench.check(rest.status == 206 and rest.body == api.call("GET", content).body[10:], "a range does not pass")


def anywhere(bench):
    """Called by a link, out of another directory: it finds what belongs to it, and leaves nothing there."""
    scripts, link = pathlib.Path(bench.script).resolve().parent, bench.place / "link"
    link.symlink_to(scripts / "live-check")
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    words = [sys.executable, str(link), "--help"]
    ended = subprocess.run(words, env=variables, cwd=bench.place, capture_output=True, text=True, timeout=LONGEST)
    bench.check(ended.returncode == 0 and "exit status:" in ended.stdout, ended.stderr)
    bench.check(not list(scripts.rglob("*.pyc")), "bytecode is left in scripts")


def tried(case, root):
    place = root / case.__name__
    place.mkdir()
    bench = Bench(case.__name__, place)
    case(bench)
    return bench


def main():
    failed = False
    with tempfile.TemporaryDirectory(prefix="batchwright-live-check-") as root:
        with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
            for bench in pool.map(lambda case: tried(case, pathlib.Path(root)), CASES):
                print(f"{bench.case}: {'FAILED' if bench.found else 'holds'}", flush=True)
                for words in bench.found:
                    failed = True
                    print(f"    {words}")
    return 1 if failed else 0


CASES = [orderly, erring, late, given_up, refused, asked, shapes, cut_reply, anywhere]

if __name__ == "__main__":
    os.environ["OPENAI_API_KEY"] = KEY
    sys.exit(main())
