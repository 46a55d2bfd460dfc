"""`judge.py make INPUT.csv` writes the input, `judge.py check ANSWERS.jsonl` judges what came of it, record by record."""

import csv
import json
import sys

TEXTS = [f'review {i}: "good", mostly,\non two lines, with 漢字' for i in range(250)]


def answer_to(prompt):
    """As the emulator is documented to answer: FNV-1a of the whole prompt, and its first 40 characters."""
    digest = 0xCBF29CE484222325
    for byte in prompt.encode():
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return f"echo {digest:016x} {prompt[:40]}"


def make(path):
    with open(path, "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["id", "text"], *enumerate(TEXTS)])


def check(path):
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    assert len(records) == len(TEXTS), f"{len(records)} records"
    for i, (record, text) in enumerate(zip(records, TEXTS)):
        expected = answer_to(f"In one word, how does the writer feel? {text}")
        told = (record["index"], record["custom_id"], record["status"], record["output"])
        assert told == (i, f"bw-{i:010}", "succeeded", expected), (i, record, expected)


{"make": make, "check": check}[sys.argv[1]](sys.argv[2])
