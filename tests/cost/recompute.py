"""What `cost --json` says, reckoned once more by a program that shares nothing with ours: from the raw answers, with
the prices as they stand in the table, in decimal arithmetic.

In: the program and the price table. A job of each kind is run against the emulator, with answers that are of no use
among them; the ledger says whether all that was billed is accounted for. Out: exit status 0, or findings. Ends by
itself, talks to 127.0.0.1 alone.
"""

import collections
import csv
import datetime
import decimal
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

D = decimal.Decimal
MILLION = D(1_000_000)

# What the emulator does: of each kind some, so that nothing is billed at one rate alone.
FAULTS = {
    "validating_ms": 0,
    "in_progress_ms": 0,
    "finalizing_ms": 0,
    "truncate_share": 0.1,
    "refuse_share": 0.1,
    "fail_share": 0.1,
    "transient_share": 0.1,
    "drop_share": 0.05,
    "duplicate_share": 0.05,
}

JOBS = {
    "plain": ["--model", "gpt-5.4-mini", "--prompt", "Echo {{text}}"],
    "snapshot": ["--model", "gpt-4.1-mini-2025-04-14", "--prompt", "Echo {{text}}"],
    "thinking": ["--model", "gpt-5.6-luna", "--prompt", "Echo {{text}}", "--endpoint", "responses"],
    "urgent": ["--model", "gpt-5.4-mini", "--prompt", "Say {{text}}", "--urgent", "kind=hot"],
    "flex": ["--model", "gpt-5.4-mini", "--prompt", "Flex {{text}}", "--mode", "realtime", "--service-tier", "flex"],
    "vectors": ["--model", "text-embedding-3-small", "--endpoint", "embeddings", "--prompt", "{{text}}"],
    "judged": ["--model", "omni-moderation-latest", "--endpoint", "moderations", "--prompt", "{{text}}"],
    "given": ["--model", "nobody-knows-it", "--prompt", "Echo {{text}}", "--price", "0.123456,7.000001"],
    "halves": ["--model", "gpt-5.4-nano", "--prompt", "Echo {{text}}", "--requests-per-part", "7"],
}
# Texts of another job before it: every other item asks what that job asked.
JOBS["overlap"] = [*JOBS["plain"], "--reuse", "plain"]
GIVEN = {"nobody-knows-it": {"standard": {"input": D("0.123456"), "output": D("7.000001")}}}
ITEMS = 60


class World:
    def __init__(self, program, directory):
        self.program, self.directory = program, pathlib.Path(directory)
        faults = self.directory / "faults.json"
        faults.write_text(json.dumps(FAULTS))
        self.emulator = subprocess.Popen(
            [program, "--json", "emulator", "--faults", str(faults), "--seed", "7"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = json.loads(self.emulator.stdout.readline())["url"]
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "BATCHWRIGHT_HOME": str(self.directory / "state"),
            "OPENAI_API_KEY": "test",
            "OPENAI_BASE_URL": self.url,
        }

    def run(self, *words, expect=(0,)):
        done = subprocess.run(
            [self.program, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
        )
        if done.returncode not in expect:
            raise SystemExit(f"{' '.join(words)} -> {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode()

    def ledger(self):
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/emulator/ledger") as answer:
            return json.load(answer)


def price_table(path):
    models = json.loads(pathlib.Path(path).read_text(), parse_float=D, parse_int=D)["models"]
    table = {model["model"]: model for model in models}
    return {**table, **GIVEN}


def base_name(model, table):
    """Of a dated snapshot: the name without its date, unless it is listed."""
    for cut in (len("-2025-04-14"), len("-20250414")):
        tail = model[-cut:]
        if model not in table and tail.startswith("-") and tail.replace("-", "").isdigit():
            return model[:-cut]
    return model


def rates(prices, route, tier):
    standard = prices["standard"]
    if route == "batch":
        halves = {key: standard[key] / 2 for key in standard if standard[key] is not None}
        return prices.get("batch") or {key: rounded_up(value) for key, value in halves.items()}
    return prices["flex"] if tier == "flex" and prices.get("flex") else standard


def rounded_up(price):
    return price.quantize(D("0.000001"), rounding=decimal.ROUND_UP)


def cost(usage, prices, route, tier):
    rate = rates(prices, route, tier)
    cached_rate = rate.get("cached_input")
    cached_rate = rate["input"] if cached_rate is None else cached_rate
    fresh = usage["input_tokens"] - usage["cached_tokens"]
    return (fresh * rate["input"] + usage["cached_tokens"] * cached_rate + usage["output_tokens"] * rate["output"]) / MILLION


def usage_of(body):
    used = body.get("usage") or {}
    details = used.get("prompt_tokens_details") or used.get("input_tokens_details") or {}
    thinking = used.get("completion_tokens_details") or used.get("output_tokens_details") or {}
    return {
        "input_tokens": used.get("prompt_tokens", used.get("input_tokens", 0)),
        "cached_tokens": details.get("cached_tokens", 0),
        "output_tokens": used.get("completion_tokens", used.get("output_tokens", 0)),
        "reasoning_tokens": thinking.get("reasoning_tokens", 0),
    }


FIGURES = ("items", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "usd")


def reckoned(raw, records, model, table, day_without_word):
    """Rows of the account by day, route and tier, from raw answers and the route that each item took."""
    rows = collections.defaultdict(lambda: dict.fromkeys(FIGURES, D(0)))
    realtime = D(0)
    prices = table[base_name(model, table)]
    for line in raw:
        response = line.get("response")
        if not response or not 200 <= response["status_code"] < 300:
            continue
        body = response["body"]
        made = body.get("created", body.get("created_at"))
        day = datetime.datetime.fromtimestamp(made, datetime.timezone.utc).date().isoformat() if made else day_without_word
        route, tier = records[line["custom_id"]]["route"], body.get("service_tier") or "default"
        usage = usage_of(body)
        if route == "reused":  # whoever asked first paid, whenever that was
            rows[day_without_word, route, "default"]["items"] += 1
            continue
        row = rows[day, route, tier]
        row["items"] += 1
        for key, value in usage.items():
            row[key] += value
        row["usd"] += cost(usage, prices, route, tier)
        realtime += cost(usage, prices, "realtime", "default")
    return rows, realtime


def judge(world, name, options, table):
    source = world.directory / f"{name}.csv"
    with open(source, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "kind"])
        label = {"overlap": ["plain", name]}.get(name, [name])
        texts = [f"{label[i % len(label)]} {i} " + "words " * (i % 11) for i in range(ITEMS)]
        writer.writerows([[text, "hot" if i % 9 == 0 else "cold"] for i, text in enumerate(texts)])
    words = ["--name", name, "--yes", "--max-attempts", "2", "--every", "20ms"]
    world.run("run", str(source), *options, *words, "-o", str(world.directory / f"{name}.jsonl"), expect=(0, 3))
    said = json.loads(world.run("cost", name, "--json"))
    lines = (world.directory / f"{name}.jsonl").read_text().splitlines()
    records = {record["custom_id"]: record for record in map(json.loads, lines)}
    raw = [json.loads(line) for line in world.run("fetch", name, "--format", "raw", expect=(0, 3)).splitlines()]
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    model = options[options.index("--model") + 1]
    rows, realtime = reckoned(raw, records, model, table, today)

    findings = []

    def check(what, seen, expected):
        if seen != expected:
            findings.append(f"{name}: {what}: {seen}, expected {expected}")

    seen = {(row["day"], row["route"], row["tier"]): row for row in said["rows"]}
    check("rows", sorted(seen), sorted(rows))
    for key in sorted(set(seen) & set(rows)):
        check(f"{key} model", seen[key]["model"], model)
        for figure in FIGURES:
            check(f"{key} {figure}", D(str(seen[key][figure])), rows[key][figure])
    spent = sum((row["usd"] for row in rows.values()), D(0))
    check("spent", D(str(said["spent_usd"])), spent)
    check("all in real time", D(str(said["realtime_usd"])), realtime)
    check("saved", D(str(said["saved_usd"])), realtime - spent)
    check("records", sum((D(str(record["cost_usd"])) for record in records.values()), D(0)), spent)
    return findings, said


def main(program, prices):
    table = price_table(prices)
    with tempfile.TemporaryDirectory() as directory:
        world = World(program, directory)
        try:
            findings, accounts = [], []
            for name, options in JOBS.items():
                found, said = judge(world, name, options, table)
                findings += found
                accounts.append(said)
            all_at_once = [json.loads(line) for line in world.run("cost", "--json").splitlines()]
            if sorted(a["job"] for a in all_at_once) != sorted(JOBS):
                findings.append(f"cost of all jobs: {[a['job'] for a in all_at_once]}")
        finally:
            world.emulator.kill()
            world.emulator.wait()
    for finding in findings:
        print(finding)
    print(f"{len(JOBS)} jobs of {ITEMS} items, {sum(len(a['rows']) for a in accounts)} rows, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
