"""What every proof stands on: an emulator as a process, jobs in state roots of their own, and a judge.

In: the program, a directory for all that is temporary. Out: processes that are ended by their pid at the latest with
their scope, and findings: words on what does not hold. Never: touches anything outside that directory, or talks to
anything but 127.0.0.1.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

QUICK = {"validating_ms": 0, "in_progress_ms": 0, "finalizing_ms": 0, "cancelling_ms": 0}
KEY = "torture"
MODEL = "gpt-5.4-mini"
LONGEST = 60  # seconds that one command may take

# What the program says when it ended in order: all of them are in its own table of exit statuses.
ORDERLY = {0, 3, 4, 5, 8, 64, 74, 75, 78}


class Skipped(Exception):
    """This machine does not permit the proof; the text says why."""


class Ended:
    def __init__(self, words, exit_status, out, err):
        self.words, self.exit, self.out, self.err = words, exit_status, out, err

    def __str__(self):
        told = " | ".join(line for line in self.err.strip().splitlines() if line.strip())[-400:]
        return f"`{' '.join(self.words)}` -> {self.exit}: {told}"


class Emulator:
    """A server of its own on a port that the system chose; ended with the scope."""

    def __init__(self, program, directory, faults=None, seed=0):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        rules = self.directory / "faults.json"
        rules.write_text(json.dumps({**QUICK, **(faults or {})}))
        self.command = [program, "--json", "emulator", "--faults", str(rules), "--seed", str(seed)]
        self.command += ["--dir", str(self.directory / "files")]
        self.begin()

    def begin(self, port=0):
        self.process = subprocess.Popen(
            [*self.command, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=open(self.directory / "err", "wb"),
            text=True,
        )
        first = self.process.stdout.readline()
        if not first:
            raise RuntimeError("the emulator said nothing: " + (self.directory / "err").read_text())
        said = json.loads(first)
        self.url, self.port = said["url"], said["port"]

    def die(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def come_back(self):
        """At the same place, with a ledger that is empty."""
        self.begin(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.die()

    def call(self, method, path, body=None):
        return self.send(method, path, None if body is None else json.dumps(body).encode(), "application/json")

    def send(self, method, path, data, form):
        request = urllib.request.Request(self.url.removesuffix("/v1") + path, method=method, data=data)
        request.add_header("Authorization", f"Bearer {KEY}")
        request.add_header("Content-Type", form)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=LONGEST) as answer:
            return json.load(answer)

    def upload(self, name, text):
        """A file for batches, as any client sends it; its id."""
        border = "border-of-a-form"
        form = f'--{border}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{border}\r\n'
        form += f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{text}\r\n--{border}--\r\n'
        return self.send("POST", "/v1/files", form.encode(), f"multipart/form-data; boundary={border}")["id"]

    def ledger(self, rows=False):
        return self.call("GET", "/emulator/ledger" + ("?items=1" if rows else ""))

    def files(self):
        """Ids of the files that the jobs' account has."""
        return [file["id"] for file in self.call("GET", "/v1/files?limit=10000")["data"]]

    def change(self, faults):
        self.call("PUT", "/emulator/faults", {**QUICK, **faults})


class Job:
    """A job in a state root of its own. Its name, or mark, is in its custom_ids and texts: no two jobs share either."""

    input_name = "input.csv"
    asks = ["--model", MODEL, "--id-column", "id", "--prompt", "{{text}}", "--max-output-tokens", "64"]

    def __init__(
        self,
        program,
        directory,
        url,
        name,
        items=6,
        per_part=3,
        grace="1s",
        home=None,
        learns=False,
        mark=None,
        small=None,  # with --compress; None: every other job
    ):
        self.program, self.name, self.items, self.mark = program, name, items, mark or name
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir(parents=True)
        self.home = pathlib.Path(home) if home else self.directory / "home"
        self.result = self.directory / "result" / "answers.jsonl"
        self.result.parent.mkdir()
        (self.directory / "tmp").mkdir()
        self.input = self.directory / self.input_name
        self.write_input()
        self.environment = {
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory / "tmp"),
            "BATCHWRIGHT_HOME": str(self.home),
            "OPENAI_BASE_URL": url,
            "OPENAI_API_KEY": KEY,
            "NO_PROXY": "127.0.0.1",
        }
        # Under ptrace LeakSanitizer cannot work, and after a kill there is nothing to report.
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        self.environment["ASAN_OPTIONS"] = f"{sanitizer}:detect_leaks=0".lstrip(":")
        self.submit = ["submit", str(self.input), "--name", name, *self.asks, "--probe", "0"]
        self.submit += ["--requests-per-part", str(per_part)]
        if not learns:  # the room at the server: then the first part of a model goes alone
            self.submit += ["--enqueued-tokens", "100000000"]
        if sum(name.encode()) % 2 if small is None else small:
            self.submit += ["--compress"]
        self.submit += ["--adopt-grace", grace, "--yes"]
        self.poll = ["poll"]
        self.fetch = ["fetch", name, "--wait", "--every", "100ms", "-o", str(self.result)]
        self.fetch_now = ["fetch", name, "-o", str(self.result)]
        self.history = []

    def write_input(self):
        rows = "".join(f"{self.id(i)},{self.text(i)}\n" for i in range(self.items))
        self.input.write_text("id,text\n" + rows)

    def id(self, i):
        return f"{self.mark}-{i}"

    def text(self, i):
        return f"Say {self.mark} {i}"

    def learn(self, emulator):
        """Asks the server for the right answers, where the texts do not tell them."""

    def is_answer(self, i, output):
        return (output or "").endswith(self.text(i))

    def billed(self, ledger):
        """How often each item was paid for."""
        rows = Rows(ledger).rows
        return [rows.get(self.id(i), {"billed": 0})["billed"] for i in range(self.items)]

    def start(self, words, before=(), environment=None):
        """A process of the program; `before` is what runs it (strace, faketime). It leads a group of its own."""
        return subprocess.Popen(
            [*before, self.program, *words],
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def wait(self, process, words, longest=LONGEST):
        try:
            out, err = process.communicate(timeout=longest)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            forget_faketime(process.pid)
            err += f"\nstill running after {longest} s"
            self.history.append(Ended(words, "hung", out, err))
            return self.history[-1]
        self.history.append(Ended(words, process.returncode, out, err))
        return self.history[-1]

    def run(self, words, before=(), environment=None, longest=LONGEST):
        return self.wait(self.start(words, before, environment), words, longest)

    def finish(self, commands=None, rounds=12, before=(), longest=LONGEST, done=(0, 3)):
        """Goes on by plain commands (submit, poll, fetch) until the last of them says that the job is done. Returns
        words on what went wrong, or nothing."""
        for turn in range(rounds):
            for words in commands or (self.submit, self.poll, self.fetch):
                ended = self.run(words, before, longest=longest)
                if ended.exit not in ORDERLY:
                    return [f"going on: {ended}"]
            if ended.exit in done:
                return []
            time.sleep(0.1 * (turn + 1))
        return [f"not at its end after {rounds} rounds: {ended}"]

    def judge_result(self, may_fail=()):
        """As judge_records; and nothing half written is left."""
        return self.judge_records(may_fail) + self.judge_leftovers()

    def judge_records(self, may_fail=()):
        """Every item in one outcome, in order, with the right text."""
        if not self.result.exists():
            return ["there is no result"]
        found = []
        try:
            records = [json.loads(line) for line in self.result.read_text().splitlines()]
        except ValueError as error:
            return [f"the result is cut or garbled: {error}"]
        if [r["custom_id"] for r in records] != [self.id(i) for i in range(self.items)]:
            found.append(f"lost, doubled or out of order: {len(records)} records of {self.items} items")
        for i, record in enumerate(records):
            if record["status"] == "succeeded":
                if not self.is_answer(i, record["output"]):
                    found.append(f"item {i} has the answer {record['output']!r}")
            elif (record["error"] or {}).get("code") not in may_fail:
                found.append(f"item {i} failed: {record['error']}")
        return found[:5]

    def judge_leftovers(self):
        half = re.compile(r"^\.removed-|\.tmp-|\.part$|-journal$|\.requests\.jsonl$")
        left = [str(p.relative_to(self.home)) for p in self.home.rglob("*") if half.search(p.name)]
        return [f"left behind: {', '.join(sorted(left))}"] if left else []

    def told(self):
        return "".join(f"\n      {ended}" for ended in self.history)


def judge_ledger(ledger, forgiven=()):
    """The totals that are 0, or 1, unless the client is at fault."""
    none = ["executed_twice", "billed_twice", "executed_again_after_success", "answers_beyond_copies"]
    none += ["inputs_beyond_copies", "foreign_batches_cancelled"]
    one = ["peak_live_batches_per_file", "peak_live_batches_per_content", "most_batches_per_call"]
    found = [f"{total} is {ledger[total]}" for total in none if total not in forgiven and ledger[total] != 0]
    return found + [f"{total} is {ledger[total]}" for total in one if total not in forgiven and ledger[total] > 1]


def forget_faketime(pid):
    """A killed process leaves names that a later one of that number would stumble over."""
    for name in (f"sem.faketime_sem_{pid}", f"faketime_shm_{pid}"):
        pathlib.Path("/dev/shm", name).unlink(missing_ok=True)


class Rows:
    """The ledger's rows by custom_id: what was done for each item, whatever it was asked with."""

    def __init__(self, ledger):
        self.rows = {}
        for row in ledger["items"]:
            sums = self.rows.setdefault(row["custom_id"], {"executed": 0, "billed": 0})
            for what in sums:
                sums[what] += row[what]
        self.batches = {}
        for batch in ledger["batches"]:
            self.batches.setdefault((batch["metadata"] or {}).get("bw_job"), []).append(batch)

    def judge(self, job):
        found = []
        for i in range(job.items):
            row = self.rows.get(job.id(i), {"executed": 0, "billed": 0})
            if (row["executed"], row["billed"]) != (1, 1):
                found.append(f"item {i} was executed {row['executed']} times, billed {row['billed']} times")
        return found[:3]


def remove(directory):
    """Of a case that held there is nothing to look at."""
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    directory.rmdir()
