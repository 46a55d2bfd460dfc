"""What the command line asks for."""

import argparse
import pathlib

import benches
from benches.stop import EXIT_USAGE

EPILOG = """exit status:
  0    every limit holds
  3    one does not
  1    something could not be measured
  64   usage"""
GROUPS = {"realtime": ("speed", "rates"), "plane": ("requests", "results", "vectors", "job", "small", "tenfold")}
RUNS = {"journal": 9, "plane": 5, "realtime": 3, "start": 50, "tokens": 5, "transfer": 15}
QUICK_RUNS = {"journal": 3, "start": 20, "transfer": 5}  # of the others 1
CHOICES = {"only": ("realtime", "plane"), "seed": ("realtime", "plane", "start"), "items": ("plane",)}  # of these benches alone
SEED = 1


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(EXIT_USAGE, f"bench: {message}; `scripts/bench --help` shows what there is\n")


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 on")
    return int(text)


def file_to_write(text):
    path = pathlib.Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there can be no file of that name")
    return path


def read_options(names):
    """What is asked for, as one value for each bench that is to run."""
    parser = Parser(description=benches.__doc__.partition("\n\nIn:")[0], epilog=EPILOG)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    which = f"{', '.join(names)} (default: one after the other)"
    parser.add_argument("name", nargs="?", choices=names, metavar="NAME", help=which)
    parser.add_argument("--quick", action="store_true", help="the main figures once each, in under two minutes a bench")
    groups = "; ".join(f"of {name} {', '.join(of)}" for name, of in GROUPS.items())
    parser.add_argument("--only", metavar="PART", help=f"a part: {groups}")
    defaults = ", ".join(f"{name} {runs}" for name, runs in RUNS.items())
    quick = ", ".join(f"{name} {runs}" for name, runs in QUICK_RUNS.items())
    parser.add_argument("--runs", type=positive, metavar="N", help=f"runs of each ({defaults}; --quick 1, {quick})")
    parser.add_argument("--seed", type=int, metavar="N", help=f"makes the data, but for tokens (default: {SEED})")
    sizes = "of plane (default: 1,000,000; --quick 100,000, and none of tenfold)"
    parser.add_argument("--items", type=positive, metavar="N", help=sizes)
    parser.add_argument("--json", type=file_to_write, metavar="FILE", help="write every run, and versions, as JSON")
    options = parser.parse_args()
    check(parser, options)
    return [of_bench(options, name) for name in ([options.name] if options.name else names)]


def check(parser, options):
    for choice, benches_of in CHOICES.items():
        if options.name and options.name not in benches_of and getattr(options, choice) is not None:
            parser.error(f"--{choice}: there is no such choice of {options.name}")
    if options.only and options.only not in GROUPS.get(options.name, ()):
        parser.error(f"--only {options.only}: there is no such part of {options.name or 'all benches'}")


def of_bench(options, name):
    seed = SEED if options.seed is None else options.seed
    runs = options.runs or (QUICK_RUNS.get(name, 1) if options.quick else RUNS[name])
    return argparse.Namespace(**{**vars(options), "name": name, "seed": seed, "runs": runs})
