"""Killed at every system call, without hooks in the product: strace sends SIGKILL on entering the Nth call of one kind.

Commands: submit (which stays until its batches are admitted), poll with two batches to collect, fetch. N goes from the
first call after the program was loaded until a run survives; strace counts for each thread, and the first thread to
reach N is the one that is struck (not with --seccomp-bpf: strace 6.1 then sends no signal, and says nothing). Then plain commands bring the job to its end, and it is judged. One emulator serves
all kills; each kill has a job, a state root and texts of its own.
"""

import collections
import concurrent.futures
import re
import shutil
import subprocess
import time

from stage import Emulator, Job, Rows, Skipped, judge_ledger, remove

CALLS = "write pwrite64 fsync fdatasync rename unlink ftruncate sendto sendmsg read recvfrom openat mkdir close".split()
COMMANDS = ["submit", "poll", "fetch"]
AT_ONCE = 6  # most of a case is waiting
SLACK = 1.05  # threads share the work otherwise each time: beyond the counted calls there may be some more

Kill = collections.namedtuple("Kill", "command call n")


def check_strace():
    strace = shutil.which("strace")
    if not strace:
        raise Skipped("strace is not installed (scripts/setup does it)")
    tried = subprocess.run(
        [strace, "-f", "-qq", "-e", "trace=close", "-e", "inject=close:signal=KILL:when=1", "true"],
        capture_output=True,
        text=True,
    )
    if tried.returncode != -9:
        raise Skipped(f"strace cannot trace here, ptrace is not permitted: {tried.stderr.strip() or tried.returncode}")


def tracer(call, effect, log="/dev/null"):
    return ["strace", "-f", "-qq", "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:{effect}"]


class Kills:
    def __init__(self, program, directory, url):
        self.program, self.directory, self.url = program, directory, url
        self.serial = 0

    def job(self, command, options=()):
        """A job as the command finds it."""
        self.serial += 1
        job = Job(self.program, self.directory, self.url, f"{command}-{self.serial}", options=options)
        if command != "submit":
            ended = job.run(job.submit + ["--detach"])
            if ended.exit != 0:
                raise RuntimeError(f"cannot even submit: {ended}")
            time.sleep(0.15)  # the server's time; whatever it is at, the case is right
        return job

    def survey(self, command):
        """How often each call is made by the thread that makes it most: from the end of loading, and in all."""
        job = self.job(command)
        log = job.directory / "trace"
        calls = ",".join(["rseq", *CALLS])
        job.run(getattr(job, command), ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={calls}"])
        loaded, counts, first = None, collections.Counter(), None
        for line in log.read_text().splitlines():
            said = re.match(r"(\d+) +(\w+)\(", line)
            if not said:
                continue
            thread, call = said.groups()
            first = first or thread
            if call == "rseq" and thread == first and loaded is None:
                loaded = {name: counts[(first, name)] for name in CALLS}
            counts[(thread, call)] += 1
        return {
            call: (loaded[call] + 1, max([n for (_, name), n in counts.items() if name == call], default=0))
            for call in CALLS
        }

    def case(self, kill):
        """Returns the job, whether it was killed, and what does not hold."""
        job = self.job(kill.command)
        ended = job.run(getattr(job, kill.command), tracer(kill.call, f"signal=KILL:when={kill.n}"))
        found = job.finish()
        if ended.exit != -9 and ended.exit != 0:
            found.append(f"neither killed nor well: {ended}")
        return job, ended.exit == -9, found + job.judge_result()


def plan(kills, every, offset):
    """The kills that are to be tried: each `every`th, from `offset`, of all there are."""
    wanted, seen = [], 0
    for command in COMMANDS:
        for call, (first, last) in kills.survey(command).items():
            for n in range(first, int(last * SLACK) + 2):
                seen += 1
                if (seen + offset) % every == 0:
                    wanted.append(Kill(command, call, n))
    return wanted


def prove(stage):
    check_strace()
    with Emulator(stage.program, stage.directory / "emulator") as emulator:
        kills = Kills(stage.program, stage.directory / "jobs", emulator.url)
        wanted = plan(kills, stage.every, stage.seed)
        stage.say(f"{len(wanted)} kills, every {stage.every} from {stage.seed % stage.every}")
        killed, done = 0, []
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for kill, (job, was_killed, found) in zip(wanted, pool.map(stage.guarded(kills.case), wanted)):
                killed += was_killed
                done.append((kill, job, found))
        rows = Rows(emulator.ledger(rows=True))
        for kill, job, found in done:
            found = found + rows.judge(job)
            stage.judge(f"{kill.command} killed at {kill.call} {kill.n}", found, job)
            if not found:
                remove(job.directory)
        stage.judge("all kills together", judge_ledger(emulator.ledger()))
        stage.say(f"{killed} killed, {len(wanted) - killed} survived")
