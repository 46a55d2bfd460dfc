"""What it costs at most. Every line counts, also those that must be refused."""

import json

from live_check import ROOT
from live_check.inputs import FILES, OTHER_MODEL, OUTPUT_CAP, TWICE
from live_check.stop import EXIT_USAGE, Stop

PRICES = ROOT / "lib/batchwright/money/pricing.json"
MOST_USD = 0.10
WRITING_CACHE, REGIONAL = 1.25, 1.1  # what may come on top of a price


def worst_case_usd(model):
    """Every line of every file run twice, a token for each byte, all of the output used, at the price of real time."""
    prices = {name: price_of(name) for name in (model, OTHER_MODEL)}
    total = 0.0
    for name, lines in FILES.items():
        written_for = OTHER_MODEL if name == "bad.model" else model
        dearer = {side: max(prices[written_for][side], prices[model][side]) for side in ("input", "output")}
        times = 4 if name == TWICE else 2
        total += times * sum(usd_of(line, dearer) for line in lines(model))
    return total


def price_of(model):
    """In dollars per million tokens, input and output."""
    table = {entry["model"]: entry["standard"] for entry in json.loads(PRICES.read_text())["models"]}
    if not (table.get(model) or {}).get("output"):
        raise Stop(EXIT_USAGE, f"there is no price of {model} in {PRICES.relative_to(ROOT)}: name another --model")
    return table[model]


def usd_of(line, price):
    return (len(line) * price["input"] * WRITING_CACHE + OUTPUT_CAP * price["output"]) * REGIONAL / 1e6


def sent(model):
    """How many requests and batches: one batch a file, and two more of one of them."""
    requests = sum(len(lines(model)) for lines in FILES.values()) + 2 * len(FILES[TWICE](model))
    return requests, len(FILES) + 2
