"""The bench `transfer`: a large file up and down over TLS, as the program moves it, against `curl`."""

import dataclasses
import filecmp
import json

from benches.figures import Figure, table
from benches.process import clean_environment, run
from benches.servers import FileServer
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

HEADS = ("200 MB", "rate", "curl", "to curl", "at least", "CPU", "curl", "memory", "at most", "curl")
BYTES = 200_000_000
MOST_MIB = 24


@dataclasses.dataclass(frozen=True)
class Way:
    name: str
    direction: str
    least: float  # times the rate of curl


UP = Way("upload", "upload", 0.9)
DOWN = Way("download, durable", "download", 1.2)  # of curl it is not asked to be


@dataclasses.dataclass
class Sample:
    seconds: float  # as the client itself says
    cpu_s: float
    peak_mib: float


def transfer(options, builds, directory):
    """All figures, and the table."""
    source = write_lines(directory / "source.jsonl")
    pairs = {UP: [], DOWN: []}  # ours and curl's
    with FileServer(builds, source, directory) as server:
        for turn in range(options.runs):
            say(f"run {turn + 1} of {options.runs}")
            pairs[UP].append((upload(builds, server, source), curl_up(server, source)))
            pairs[DOWN].append(downloads(builds, server, source, directory))
    return told_of(pairs)


def write_lines(path):
    line = json.dumps({"custom_id": "item-0", "response": {"status_code": 200, "body": "x" * 900}, "error": None}) + "\n"
    with open(path, "w", encoding="utf-8") as out:
        out.writelines([line] * (BYTES // len(line)))
    return path


def upload(builds, server, source):
    return sample_of([builds.bench / "batchwright_bench_transfer", "upload", server.url, server.ca, source])


def curl_up(server, source):
    answer = source.with_name("curl-answer.json")
    sample = curl(server, "/files", answer, "-F", "purpose=batch", "-F", f"file=@{source}")
    if json.loads(answer.read_text())["bytes"] < source.stat().st_size:
        raise Stop(EXIT_ERROR, "curl did not upload all of it")
    return sample


def downloads(builds, server, source, directory):
    ours, curls = directory / "ours.jsonl", directory / "curls.jsonl"
    tool = builds.bench / "batchwright_bench_transfer"
    pair = (
        sample_of([tool, "download", server.url, server.ca, ours]),
        curl(server, "/files/file-bench/content", curls),
    )
    for path in (ours, curls):
        if not filecmp.cmp(path, source, shallow=False):
            raise Stop(EXIT_ERROR, f"{path.name} holds other bytes than were sent")
        path.unlink()
    return pair


def curl(server, path, to, *more):
    return sample_of(
        ["curl", "--silent", "--fail", "--cacert", server.ca, "-w", "%{time_total}", "-o", to, *more, server.url + path]
    )


def sample_of(command):
    ended = run(command, clean_environment())
    if ended.status != 0:
        raise Stop(EXIT_ERROR, f"`{command[0]}` ended with {ended.status}: {ended.err.strip()}")
    return Sample(float(ended.out), ended.cpu_s, ended.peak_kib / 1024)


def told_of(pairs):
    figures, rows = [], []
    for way, runs in pairs.items():
        of = f"{way.name}: "
        rates = [Figure(of + who + "rate", "MB/s", megabytes_a_second(runs, i)) for i, who in enumerate(("", "curl's "))]
        cpus = [Figure(of + who + "CPU", "s", [run[i].cpu_s for run in runs]) for i, who in enumerate(("", "curl's "))]
        to_curl = [curls.seconds / ours.seconds for ours, curls in runs]
        ratio = Figure(of + "rate to curl's", "x", to_curl, at_least=way.least)
        memory = Figure(of + "memory", "MiB", [ours.peak_mib for ours, _ in runs], at_most=MOST_MIB)
        curls_memory = Figure(of + "curl's memory", "MiB", [curls.peak_mib for _, curls in runs])
        figures += [*rates, *cpus, ratio, memory, curls_memory]
        told = [figure.told() for figure in (*rates, ratio)]
        used = [figure.told() for figure in (*cpus, memory)]
        rows.append((way.name, *told, ratio.limit, *used, memory.limit, curls_memory.told()))
    return figures, table(HEADS, rows)


def megabytes_a_second(runs, which):
    return [BYTES / 1e6 / run[which].seconds for run in runs]
