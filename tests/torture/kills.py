"""Killed at every system call, without hooks in the product.

Commands: submit (which stays until its batches are admitted), poll with two batches to collect, fetch. kill_at counts
the calls of all threads together, from when the program was loaded, and kills on entering the Nth; N goes up to what a
run makes, and a little further, since threads share the work otherwise each time. Then plain commands bring the job to
its end, and it is judged. One emulator serves all kills; each kill has a job, a state root and texts of its own.

Why not strace: `inject=SET:signal=KILL:when=N` counts for each thread and each call, and strikes the first to reach N,
which is the main thread for all small N; what a worker does first is never struck. With --seccomp-bpf, strace 6.1 sends
no signal at all, and says nothing.
"""

import concurrent.futures
import subprocess
import time

from stage import Emulator, Job, Rows, Skipped, judge_ledger, remove

CALLS = "write pwrite64 fsync fdatasync rename unlink ftruncate sendto sendmsg read recvfrom openat mkdir close".split()
COMMANDS = ["submit", "poll", "fetch"]
AT_ONCE = 6  # most of a case is waiting
SLACK = 1.05


class Bench:
    """Jobs as each command finds them."""

    def __init__(self, program, directory, url):
        self.program, self.directory, self.url = program, directory, url
        self.serial = 0

    def job(self, command):
        self.serial += 1
        job = Job(self.program, self.directory, self.url, f"{command}-{self.serial}")
        if command != "submit":
            ended = job.run(job.submit + ["--detach"])
            if ended.exit != 0:
                raise RuntimeError(f"cannot even submit: {ended}")
            time.sleep(0.15)  # the server's time; whatever it is at, the case is right
        return job


class Kills(Bench):
    def __init__(self, stage, url):
        super().__init__(stage.program, stage.directory / "jobs", url)
        self.kill_at = stage.tool("kill_at")
        tried = subprocess.run([self.kill_at, "1", "/dev/null", "close", "cat", "/dev/null"], capture_output=True, text=True)
        if tried.returncode != -9:
            raise Skipped(f"a process cannot be traced here, ptrace is not permitted ({tried.returncode})")

    def struck(self, command, n):
        """Runs the command, killed at its Nth call; returns its job, how it ended and what calls were counted."""
        job = self.job(command)
        log = job.directory / "calls"
        ended = job.run(getattr(job, command), [self.kill_at, str(n), str(log), ",".join(CALLS)])
        return job, ended, log.read_text().splitlines()

    def case(self, kill):
        job, ended, calls = self.struck(*kill)
        found = job.finish()
        if ended.exit not in {-9, 0}:
            found.append(f"neither killed nor well: {ended}")
        return job, ended.exit == -9, calls[-1] if calls else "", found + job.judge_result()


def plan(kills, every, offset):
    """The kills that are to be tried: each `every`th, from `offset`, of all there are."""
    wanted, seen = [], 0
    for command in COMMANDS:
        _, _, calls = kills.struck(command, 0)
        for n in range(1, int(len(calls) * SLACK) + 2):
            seen += 1
            if (seen + offset) % every == 0:
                wanted.append((command, n))
    return wanted


def prove(stage):
    with Emulator(stage.program, stage.directory / "emulator") as emulator:
        kills = Kills(stage, emulator.url)
        wanted = plan(kills, stage.every, stage.seed)
        stage.say(f"{len(wanted)} kills, every {stage.every} from {stage.seed % stage.every}")
        killed, done = 0, []
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for kill, (job, was_killed, call, found) in zip(wanted, pool.map(stage.guarded(kills.case), wanted)):
                killed += was_killed
                done.append((f"{kill[0]} killed at call {kill[1]}, {call} (thread, name)", job, found))
        rows = Rows(emulator.ledger(rows=True))
        for said, job, found in done:
            found = found + rows.judge(job)
            stage.judge(said, found, job)
            if not found:
                remove(job.directory)
        stage.judge("all kills together", judge_ledger(emulator.ledger()))
        stage.say(f"{killed} killed, {len(wanted) - killed} survived")
