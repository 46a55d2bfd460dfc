"""Words on the terminal: on stderr, since stdout is for the table."""

import sys


def say(text, end="\n"):
    print(f"live-check: {text}", end=end, file=sys.stderr, flush=True)


def can_ask():
    return sys.stdin.isatty() and sys.stderr.isatty()


def agreed(question):
    say(f"{question} [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
