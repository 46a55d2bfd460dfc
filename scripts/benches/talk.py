"""Words on the terminal: on stderr, since stdout is for the tables."""

import sys


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)
