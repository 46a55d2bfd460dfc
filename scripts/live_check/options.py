"""What the command line asks for."""

import argparse
import os
import pathlib
import re

import live_check
from live_check.inputs import MODEL
from live_check.state import GRACE
from live_check.stop import EXIT_USAGE

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
EPILOG = """exit status:
  0    all is as expected, or allowed for
  3    something does not hold
  4    no key, or the server refused it
  5    something is still open: run it again
  8    it might cost too much
  64   usage, no consent
  75   another one works in the same directory
  78   configuration"""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(EXIT_USAGE, f"live-check: {message}; `scripts/live-check --help` shows what there is\n")


def duration(text):
    """Seconds: number and unit, repeated, as the program reads them."""
    parts = re.findall(r"(\d+)(ms|s|m|h|d)", text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text} is no duration (30m, 1h30m, 90s)")
    return sum(int(n) * UNITS[unit] for n, unit in parts)


def whole_seconds(text):
    seconds = duration(text)
    if seconds < 1 or seconds != int(seconds):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of seconds")
    return int(seconds)


def default_directory():
    state = os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local/state"
    return pathlib.Path(state) / "batchwright-live-check"


def read_options():
    parser = Parser(description=live_check.__doc__.partition("\n\nIn:")[0], epilog=EPILOG)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_what_to_do(parser)
    add_what_to_try(parser)
    return parser.parse_args()


def add_what_to_do(parser):
    parser.add_argument("--yes", action="store_true", help="spend without asking")
    parser.add_argument(
        "--dir", type=pathlib.Path, default=default_directory(), help="what is known (default: %(default)s)"
    )
    give_up = "cancel what still runs and delete what was uploaded; what is open stays open"
    parser.add_argument("--give-up", action="store_true", help=give_up)
    parser.add_argument(
        "--wait", type=duration, default="30m", metavar="D", help="how long to stay (default: %(default)s)"
    )


def add_what_to_try(parser):
    parser.add_argument("--model", help=f"a chat model of the price table (default: {MODEL})")
    grace = f"how late a listing may be, as for `submit --adopt-grace` (default: {GRACE}s)"
    parser.add_argument("--grace", type=whole_seconds, metavar="D", help=grace)
    parser.add_argument("--program", help="default: build/release/batchwright, build/dev/batchwright, or that in PATH")
    readme = "put the table between the marks of FILE (default: README.md of this repository)"
    parser.add_argument(
        "--update-readme",
        nargs="?",
        type=pathlib.Path,
        const=live_check.ROOT / "README.md",
        metavar="FILE",
        help=readme,
    )
