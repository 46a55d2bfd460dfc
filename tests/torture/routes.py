"""Jobs that go in real time, alone or beside batches: how they are asked for, and what both routes did for each item.

A real-time call has no custom_id: the ledger knows it by the bytes of its body, which are worked out here from the text
and not taken from the program's files. Money is worked out from the price list and the usage that the server told.
"""

import hashlib
import itertools
import json
import re
import subprocess
from decimal import Decimal

from stage import LONGEST, MODEL, Ended, Job

USUAL, HALF = "realtime", "batch"
PRICES = {  # USD a token: input, output
    USUAL: (Decimal("0.75") / 10**6, Decimal("4.5") / 10**6),
    HALF: (Decimal("0.375") / 10**6, Decimal("2.25") / 10**6),
}
NOTHING = {"batch_executed": 0, "batch_billed": 0, "live_executed": 0, "live_billed": 0, "live_cut": 0}


class Routed(Job):
    """A job of which all or some goes in real time, run by one command; every `urgent`th item is gold."""

    def __init__(self, program, place, url, name, items, per_part, options, urgent=0, home=None):
        self.urgent = urgent
        super().__init__(program, place, url, name, items, per_part, home=home)
        self.submit += [str(option) for option in options]
        self.whole = ["run", *self.submit[1:], "-o", str(self.result), "--every", "100ms"]

    def write_input(self):
        rows = "".join(f"{self.id(i)},{self.text(i)},{self.tier(i)}\n" for i in range(self.items))
        self.input.write_text("id,text,tier\n" + rows)

    def tier(self, i):
        return "gold" if self.is_urgent(i) else "tin"

    def is_urgent(self, i):
        return self.urgent > 0 and i % self.urgent == 0

    def body_sha256(self, i):
        messages = [{"role": "user", "content": self.text(i)}]
        body = {"model": MODEL, "messages": messages, "max_completion_tokens": 64}
        return hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()

    def rows(self, ledger):
        """What was done for each item, by either route; the ledger is one with rows."""
        known = {row["body_sha256"]: row for row in ledger["bodies"]}
        return [known.get(self.body_sha256(i), NOTHING) for i in range(self.items)]

    def records(self):
        return [json.loads(line, parse_float=Decimal) for line in self.result.read_text().splitlines()]

    def ask_status(self, *more):
        """What `status` says, which is nothing that was done to the job."""
        words = ["status", self.name, "--offline", *more]
        process = self.start(words)
        out, err = process.communicate(timeout=LONGEST)
        return Ended(words, process.returncode, out, err)

    def status(self):
        """For people, on one line."""
        return " ".join(self.ask_status().out.split())

    def figures(self):
        """For programs; money as it is written."""
        said = self.ask_status("--json")
        if said.exit != 0:
            raise RuntimeError(f"{said}")
        return json.loads(said.out, parse_float=Decimal)


def failures(row):
    """How often it was run, and not answered; those that were answered, and cut, are in live_billed."""
    return row["batch_executed"] - row["batch_billed"] + row["live_executed"] - row["live_billed"]


def judge_routes(job, rows):
    """Every item was bought once, by the route that its record names."""
    found = []
    for i, (row, record) in enumerate(zip(rows, job.records())):
        bought = {HALF: row["batch_billed"], USUAL: row["live_billed"]}
        if bought != {HALF: 0, USUAL: 0, record["route"]: 1}:
            found.append(f"item {i}, whose answer came by {record['route']}, was bought: {bought}")
    return found[:3]


def judge_attempts(job, fewest, most):
    """`fewest` and `most` tell for an item how many attempts were used up."""
    found = []
    for i, record in enumerate(job.records()):
        if not fewest(i) <= record["attempt"] - 1 <= most(i):
            found.append(f"item {i} used up {record['attempt'] - 1} attempts, not {fewest(i)} to {most(i)}")
    return found[:3]


def judge_no_attempt(job):
    return judge_attempts(job, lambda i: 0, lambda i: 0)


def wasted(job):
    """Attempts that were used up in vain."""
    return sum(record["attempt"] - 1 for record in job.records())


def judge_money(job):
    """What answers cost by the price list, batches at half of it, is what the records and the job's sums say."""
    found, spent, saved = [], Decimal(0), Decimal(0)
    for i, record in enumerate(job.records()):
        if record["usage"] is None:  # it failed, and is judged for that
            continue
        used, (ask, answer) = record["usage"], PRICES[record["route"]]
        cost = used["input_tokens"] * ask + used["output_tokens"] * answer
        if record["cost_usd"] != cost:
            found.append(f"item {i} by {record['route']} is said to cost {record['cost_usd']}, not {cost}")
        spent += cost
        saved += cost if record["route"] == HALF else 0
    said = job.figures()["cost"]
    for what, right in (("spent_usd", spent), ("saved_usd", saved)):
        if said[what] != right:
            found.append(f"{what} is {said[what]}, not {right}")
    return found[:3]


class Journals:
    """The journals of a job's real-time parts, read as their grammar says: what was begun, and what may have been
    bought without an answer."""

    def __init__(self, job):
        place = job.home / "jobs" / job.name
        paths = [*place.glob("*.output.jsonl"), *place.glob("*.output.jsonl.zst")]
        self.parts = [Journal(path) for path in sorted(paths)]

    def answered(self):
        """The custom_ids, each as often as it was answered."""
        return list(itertools.chain.from_iterable(part.ids.values() for part in self.parts))

    def named(self):
        """By custom_id, how often it may have been bought again."""
        return {part.ids[n]: times for part in self.parts for n, times in part.again.items() if n in part.ids}

    def dollars(self, records):
        """What that costs: in each part, so many times what an answer of it costs on the average."""
        cost = {record["custom_id"]: record["cost_usd"] or 0 for record in records}
        total = 0  # of 10^-12 USD, which are counted whole
        for part in self.parts:
            spent = sum(int(cost[id] * 10**12) for id in part.ids.values())
            total += sum(part.again.values()) * (spent // max(1, len(part.ids)))
        return Decimal(total) / 10**12


def text_of(path):
    """What a file holds, packed or not."""
    if path.suffix != ".zst":
        return path.read_text()
    return subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE, text=True).stdout


class Journal:
    def __init__(self, path):
        self.ids, self.again = {}, {}
        lost = {}  # the last begin of a request brought nothing home, and may have been billed
        for line in text_of(path).splitlines(keepends=True):
            if not line.endswith("\n"):  # it is just being written
                break
            mark = json.loads(line)
            if "begin" in mark:
                n = mark["begin"]
                if lost.get(n):
                    self.again[n] = self.again.get(n, 0) + 1
                lost[n] = True
            elif "missed" in mark:
                lost[mark["missed"]] = mark["billed"]
            elif told := re.fullmatch(r"realtime-(\d+)-\d+", mark["id"]):
                n = int(told[1])
                lost[n] = False
                self.ids[n] = mark["custom_id"]


def judge_named(job, rows):
    """Who was run again after an answer got lost is counted as possibly billed again, with what it costs; and no more
    is counted than was begun again."""
    journals = Journals(job)
    named, said = journals.named(), job.figures()["cost"]["possibly_billed_again_usd"]
    found = []
    for i, row in enumerate(rows):
        again = row["live_billed"] - 1
        if again > named.get(job.id(i), 0):
            found.append(f"item {i} was bought again {again} times, and named {named.get(job.id(i), 0)} times")
    told = re.search(r"([\d,]+) requests? may have been billed twice", job.status())
    count = int(told[1].replace(",", "")) if told else 0
    if count != sum(named.values()):
        found.append(f"`status` says that {count} may have been billed twice, the journals {sum(named.values())}")
    if said != journals.dollars(job.records()):
        found.append(f"possibly_billed_again_usd is {said}, not {journals.dollars(job.records())}")
    if sorted(journals.answered()) != sorted(r["custom_id"] for r in job.records() if r["route"] == USUAL):
        found.append("the journals do not hold one answer for each item that went in real time")
    return found[:5]
