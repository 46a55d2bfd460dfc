"""The bench `tokens`: how near the estimate comes to an exact tokenizer, and how fast it is."""

import json
import statistics

from benches.clients import PEERS
from benches.figures import Figure, table
from benches.process import clean_environment, run
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say
from benches.texts import write_texts

MOST_ON_AVERAGE, MOST = 0.08, 0.15
LEAST_SPEED = 600  # MB/s, on one core
HEADS = ("kind", "bytes", "tokens", "estimate", "off by", "speed", "limit", "to adding up bytes", "exact tokenizer")


def tokens(options, builds, directory):
    """All figures, and the table."""
    files = write_texts(builds, directory)
    say("counting exactly")
    node = [builds.clients / "node", PEERS / "tokens_exact.mjs", builds.clients / "package.json"]
    exact = lines_of([*node, *files.values()])
    say(f"estimating, {options.runs} times")
    estimates = lines_of([builds.bench / "batchwright_bench_tokens", options.runs, *files.values()])
    return told_of(list(zip(files, exact, estimates)))


def lines_of(command):
    ended = run(command, clean_environment())
    if ended.status != 0:
        raise Stop(EXIT_ERROR, f"{command[0]} ended with {ended.status}: {ended.err.strip()}")
    return [json.loads(line) for line in ended.out.splitlines()]


def told_of(kinds):
    figures, rows, off = [], [], []
    for kind, exact, estimate in kinds:
        error = estimate["tokens"] / exact["tokens"] - 1
        off.append(abs(error))
        speed = Figure(f"{kind}: speed", "MB/s", estimate["estimated"], at_least=LEAST_SPEED)
        ratios = [one / other for one, other in zip(estimate["estimated"], estimate["added_up"])]
        ratio = Figure(f"{kind}: speed to adding up bytes", "x", ratios)
        peer = Figure(f"{kind}: exact tokenizer", "MB/s", [estimate["bytes"] / exact["seconds"] / 1e6])
        figures += [Figure(f"{kind}: off by", "share", [error]), speed, ratio, peer]
        counts = [f"{count:,}" for count in (estimate["bytes"], exact["tokens"], estimate["tokens"])]
        rows.append((kind, *counts, f"{100 * error:+.1f}%", speed.told(), speed.limit, ratio.told(), peer.told()))
    limits = [
        Figure("off by, on average", "share", [statistics.mean(off)], at_most=MOST_ON_AVERAGE),
        Figure("off by, worst kind", "share", [max(off)], at_most=MOST),
    ]
    summary = table(("estimate", "seen", "limit"), [(figure.name, figure.told(), figure.limit) for figure in limits])
    return figures + limits, table(HEADS, rows) + "\n\n" + summary
