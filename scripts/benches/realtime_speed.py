"""How fast requests go: a server of fixed latency, so many in flight, the program against what is used in its place."""

import concurrent.futures
import dataclasses

from benches.clients import Overtaxed, Program, bare_poco, official
from benches.figures import Figure, table
from benches.servers import FixedLatency
from benches.steady import share_of_ideal
from benches.talk import say

HEADS = (
    *("in flight, latency", "client", "of the ideal rate", "limit", "CPU a request", "to Poco's", "limit"),
    *("memory each", "limit"),
)
SLOW = 10_000  # ms: clients hardly work, so cases run side by side


@dataclasses.dataclass(frozen=True)
class Case:
    tls: bool
    in_flight: int
    latency_ms: int
    rounds: int  # requests, as a multiple of those in flight
    peer_rounds: int = 0  # the same of the official clients; 0: they do not run

    @property
    def name(self):
        latency = f"{self.latency_ms} ms" if self.latency_ms < 1000 else f"{self.latency_ms // 1000} s"
        return f"{self.in_flight:,} {'TLS' if self.tls else 'plain'}, {latency}"


@dataclasses.dataclass(frozen=True)
class Limits:
    """Of the program."""

    least_share: float | None = None
    most_cpu: float | None = None  # times Poco's
    most_kib: float | None = None  # each in flight


JUDGED = ((2000, 200), (5000, 1000))  # in flight and latency, over TLS: by all three


def limits_of(case, client):
    if client != Program.name or not case.tls:
        return Limits()
    if (case.in_flight, case.latency_ms) in JUDGED:
        return Limits(least_share=0.97, most_cpu=1.3, most_kib=100)
    return Limits(least_share=0.95) if case.in_flight == 2000 else Limits()


def cases(quick):
    if quick:
        return [
            Case(tls=False, in_flight=512, latency_ms=200, rounds=20),
            Case(tls=True, in_flight=512, latency_ms=200, rounds=20, peer_rounds=6),
            Case(tls=True, in_flight=2000, latency_ms=200, rounds=40),
        ]
    both = (False, True)
    fast = [Case(tls, n, 200, 50, peers) for tls in both for n, peers in ((64, 0), (512, 6), (2000, 3))]
    middle = [Case(tls, n, 1000, 16) for tls in both for n in (64, 512, 2000, 5000)]
    slow = [Case(tls, n, SLOW, 6) for tls in both for n in (64, 512, 2000)]
    return fast + middle + slow


@dataclasses.dataclass
class Sample:
    """One run of a client; what an idle one costs is taken off."""

    share: float
    cpu_us: float
    memory_kib: float


def measure_speed(options, builds, directory):
    samples = {}  # by case and client
    for turn in range(options.runs):
        todo = cases(options.quick)
        for case in todo:
            if case.latency_ms < SLOW:
                say(f"run {turn + 1} of {options.runs}: {case.name}")
                measure(case, options, builds, directory, samples)
        slow = [case for case in todo if case.latency_ms >= SLOW]
        with concurrent.futures.ThreadPoolExecutor(len(slow) or 1) as pool:
            if slow:
                say(f"run {turn + 1} of {options.runs}: {'; '.join(case.name for case in slow)}")
            list(pool.map(lambda case: measure(case, options, builds, directory, samples), slow))
    in_order = cases(options.quick).index
    return told_of(dict(sorted(samples.items(), key=lambda item: in_order(item[0][0]))))


def measure(case, options, builds, directory, samples):
    place = directory / case.name.replace(" ", "-").replace(",", "")
    place.mkdir(exist_ok=True)
    clients = [(Program(builds, place, options.seed), case.rounds), (bare_poco(builds), case.rounds)]
    clients += [(client, case.peer_rounds) for client in official(builds) if case.peer_rounds]
    for client, rounds in clients:
        try:
            sample = sample_of(client, case, case.in_flight * rounds, builds, place / "tls" if case.tls else None)
        except Overtaxed as words:
            sample = words
        samples.setdefault((case, client.name), []).append(sample)


def sample_of(client, case, total, builds, tls_directory):
    with FixedLatency(builds, 1, tls_directory) as server:
        idle = client.send(server, 1, 1)
    with FixedLatency(builds, case.latency_ms, tls_directory) as server:
        ended = client.send(server, total, case.in_flight)
        share = share_of_ideal(server.arrivals(), case.in_flight, case.latency_ms)
    return Sample(
        share=share,
        cpu_us=1e6 * (ended.cpu_s - idle.cpu_s) / (total - 1),
        memory_kib=(ended.peak_kib - idle.peak_kib) / case.in_flight,
    )


def told_of(samples):
    figures, rows = [], []
    for (case, client), runs in samples.items():
        overtaxed = next((run for run in runs if isinstance(run, Overtaxed)), None)
        if overtaxed:
            rows.append((case.name, client, str(overtaxed), *[""] * (len(HEADS) - 3)))
            continue
        limits = limits_of(case, client)
        of = f"{case.name}, {client}: "
        share = Figure(of + "of the ideal rate", "share", [s.share for s in runs], at_least=limits.least_share)
        cpu = Figure(of + "CPU a request", "µs", [s.cpu_us for s in runs])
        to_poco = ratios(runs, samples[case, "bare Poco loop"])
        ratio = Figure(of + "CPU a request to Poco's", "x", to_poco, at_most=limits.most_cpu)
        each = [s.memory_kib for s in runs]
        memory = Figure(of + "memory each in flight", "KiB", each, at_most=limits.most_kib)
        figures += [share, cpu, ratio, memory]
        told = (share.told(), share.limit, cpu.told(), ratio.told(), ratio.limit, memory.told(), memory.limit)
        rows.append((case.name, client, *told))
    return figures, table(HEADS, rows)


def ratios(runs, bare):
    return [one.cpu_us / other.cpu_us for one, other in zip(runs, bare)]
