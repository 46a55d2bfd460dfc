"""A disk that is full at the Nth write, fsync or close, once or from then on; one that is small; one that is read-only.

strace lets the Nth call of one kind fail with ENOSPC, in submit, in poll with batches to collect, and in fetch. It
counts for each thread, from the first call after the program was loaded. The command then ends with 74 and says so, or
with 0 where nothing came of it; where the fault came while the job was moved, and the store could be written after it,
the job is paused for the disk. With space again, plain commands bring the job to its end, and it is judged as after a
kill. Where mounts are permitted, a state root on a small tmpfs and one behind a read-only bind mount: nothing is sent
when there is no room, and nothing more once answers find none.
"""

import collections
import concurrent.futures
import contextlib
import ctypes
import json
import os
import re
import shutil
import subprocess
import time

from stage import Emulator, Job, Rows, Skipped, judge_ledger, remove

COMMANDS = ["submit", "poll", "fetch"]
AT_ONCE = 6  # most of a case is waiting
CALLS = ["write", "pwrite64", "fsync", "fdatasync", "close", "ftruncate", "rename", "mkdir"]
TIMES = {"once": "", "from there on": "+"}
NO_ROOM = re.compile(r"no space left|disk", re.IGNORECASE)  # SQLite says "disk I/O error" where it cannot even roll back
MS_BIND, MS_REMOUNT, MS_RDONLY, MS_REC, MS_PRIVATE, CLONE_NEWNS = 4096, 32, 1, 16384, 1 << 18, 0x00020000
SMALL = 4 * 1024 * 1024
LARGE = 48 * 1024 * 1024
ROOM_FOR_THE_STORE = 1200 * 1024  # less than the answers of two parts are expected to take


STRACE = ["strace", "-f", "-qq"]


def check_strace():
    if not shutil.which("strace"):
        raise Skipped("strace is not installed (scripts/setup does it)")
    # A program whose first write fails says so.
    broken = [*STRACE, "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:error=ENOSPC:when=1", "echo", "x"]
    tried = subprocess.run(broken, capture_output=True, text=True)
    if tried.returncode == 0 or "No space left" not in tried.stderr:
        raise Skipped(f"strace cannot trace here, ptrace is not permitted: {tried.stderr.strip() or tried.returncode}")


def reason_of(job):
    """Why the job is paused, by the store; `over` where there is no such job, or no item of it is pending."""
    ended = job.run(["status", job.name, "--offline", "--json"])
    if ended.exit != 0:
        return "over"
    status = json.loads(ended.out)
    return "over" if status["state"] == "done" else status["reason"]


class Disks:
    """Jobs as each command finds them, at one server."""

    paused = 0

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

    def survey(self, command):
        """How often each call is made by the thread that makes it most: from the end of loading, and in all."""
        job = self.job(command)
        log = job.directory / "trace"
        job.run(getattr(job, command), [*STRACE, "-o", str(log), "-e", f"trace={','.join(['rseq', *CALLS])}"])
        loaded, counts, main = {}, collections.Counter(), None
        for line in log.read_text().splitlines():
            said = re.match(r"(\d+) +(\w+)\(", line)
            if not said:
                continue
            thread, call = said.groups()
            main = main or thread
            if call == "rseq" and thread == main:
                loaded = {name: counts[(main, name)] for name in CALLS}
            counts[(thread, call)] += 1
        return {
            call: (loaded[call] + 1, max([n for (_, name), n in counts.items() if name == call], default=0))
            for call in CALLS
        }

    def case(self, wanted):
        command, call, n, times = wanted
        job = self.job(command)
        fault = ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=ENOSPC:when={n}{TIMES[times]}"]
        ended = job.run(getattr(job, command), [*STRACE, *fault])
        found = []
        if ended.exit not in {0, 74}:
            found.append(f"neither well nor a disk's fault (74): {ended}")
        # stderr is a file like any other, and each thread is struck: what fails from there on cannot say so, either.
        silenced = call == "write" and (times == "from there on" or not ended.err)
        if ended.exit == 74 and not silenced and not NO_ROOM.search(ended.err):
            found.append(f"does not speak of the disk: {ended}")
        reason = reason_of(job)
        told = "paused (disk)" in ended.err
        if told and reason != "disk":
            found.append(f"told as paused for the disk, on record is {reason}: {ended}")
        if reason == "disk" and ended.exit != 74:  # a commit whose sync failed may be there all the same
            found.append(f"paused for the disk, and not 74: {ended}")
        # A file of the job's is written while it is moved; what struck once strikes no second time.
        if ended.exit == 74 and times == "once" and f"home/jobs/{job.name}/" in ended.err and not told and reason != "over":
            found.append(f"not paused, though the store could be written: {ended}")
        self.paused += reason == "disk"
        return job, ended.exit == 74, found + job.finish() + job.judge_result()


def plan(disks, every, offset):
    wanted, seen = [], 0
    for command in COMMANDS:
        counts = disks.survey(command)
        for call in CALLS:
            first, last = counts[call]
            for n in range(first, last + 1):
                for times in TIMES:
                    seen += 1
                    if (seen + offset) % every == 0:
                        wanted.append((command, call, n, times))
    return wanted


def injected(stage):
    with Emulator(stage.program, stage.directory / "emulator") as emulator:
        disks = Disks(stage.program, stage.directory / "jobs", emulator.url)
        wanted = plan(disks, stage.every, stage.seed)
        stage.say(f"{len(wanted)} full disks, every {stage.every} from {stage.seed % stage.every}")
        stopped, done = 0, []
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for case, (job, was_stopped, found) in zip(wanted, pool.map(stage.guarded(disks.case), wanted)):
                stopped += was_stopped
                done.append((case, job, found))
        rows = Rows(emulator.ledger(rows=True))
        for (command, call, n, times), job, found in done:
            found = found + rows.judge(job)
            stage.judge(f"{command}: no space at {call} {n}, {times}", found, job)
            if not found:
                remove(job.directory)
        stage.judge("all full disks together", judge_ledger(emulator.ledger()))
        stage.judge("pauses", [] if disks.paused or not stopped else ["none of these was ever paused for the disk"])
        stage.say(f"{stopped} ended with 74, {disks.paused} of them paused, {len(wanted) - stopped} went on")


class Mounts:
    """Mounts that nobody else sees: they end with this process."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)

    def call(self, name, *arguments):
        if getattr(self.libc, name)(*arguments) != 0:
            raise Skipped(f"{name}: {os.strerror(ctypes.get_errno())}")

    def separate(self):
        self.call("unshare", CLONE_NEWNS)
        self.call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)

    def tmpfs(self, at, size):
        at.mkdir(parents=True)
        self.call("mount", b"tmpfs", bytes(at), b"tmpfs", 0, f"size={size},mode=700".encode())

    def read_only(self, at):
        at.mkdir(parents=True)
        self.call("mount", bytes(at), bytes(at), None, MS_BIND, None)
        self.call("mount", b"none", bytes(at), None, MS_BIND | MS_REMOUNT | MS_RDONLY, None)

    def gone(self, at):
        self.call("umount2", bytes(at), 2)


def sent(emulator):
    ledger = emulator.ledger()
    return {total: ledger[total] for total in ("uploads", "batches_created") if ledger[total]}


def no_room_at_all(stage, mounts):
    """The requests are larger than the disk."""
    at = stage.directory / "mounts" / "small"
    mounts.tmpfs(at, SMALL)
    with Emulator(stage.program, stage.directory / "emulator-small") as emulator:
        job = Job(stage.program, stage.directory, emulator.url, "small", 60, 20, home=at / "home")
        job.input.write_text("id,text\n" + "".join(f"{job.id(i)},{'x' * 100_000} {job.text(i)}\n" for i in range(60)))
        ended = job.run(job.submit)
        found = [] if ended.exit == 74 else [f"not 74: {ended}"]
        if sent(emulator):
            found.append(f"sent though there is no room: {sent(emulator)}")
        stage.judge("submit of 6 MB to a state root on 4 MiB", found, job)
    mounts.gone(at)


def fill(balloon, leave=0):
    """Takes all of the disk but so many bytes."""
    file = os.open(balloon, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(file, b"\0" * 4096):
            pass
    os.ftruncate(file, max(0, os.fstat(file).st_size - leave))
    os.close(file)


def filled_later(stage, mounts):
    """Between submit and the answers somebody else fills the disk; then there is room again."""
    at = stage.directory / "mounts" / "filled"
    mounts.tmpfs(at, SMALL)
    with Emulator(stage.program, stage.directory / "emulator-filled") as emulator:
        job = Job(stage.program, stage.directory, emulator.url, "filled", 40, 20, home=at / "home")
        found = [f"{e}" for e in [job.run(job.submit + ["--detach"])] if e.exit != 0]
        balloon = at / "balloon"
        fill(balloon)
        for words in (job.poll, job.fetch):
            ended = job.run(words)
            if ended.exit != 74:
                found.append(f"a full disk, and not 74: {ended}")
        balloon.unlink()
        found += job.finish()
        found += job.judge_result() + judge_ledger(emulator.ledger()) + Rows(emulator.ledger(rows=True)).judge(job)
        stage.judge("a disk that is filled between submit and the answers", found, job)
    mounts.gone(at)


def nearly_filled(stage, mounts):
    """The disk has room for the store, and none for the answers: nothing more is bought until they are at home."""
    at = stage.directory / "mounts" / "nearly"
    mounts.tmpfs(at, LARGE)
    with Emulator(stage.program, stage.directory / "emulator-nearly") as emulator:
        # Answers of some kilobytes each, and room at the server for one part at a time.
        where = (stage.program, stage.directory, emulator.url, "nearly")
        job = Job(*where, 900, 300, home=at / "home", learns=True, small=False)
        job.submit += ["--set", "logprobs=true", "--set", "top_logprobs=20", "--enqueued-tokens", "4000"]
        found = [f"{e}" for e in [job.run(job.submit + ["--detach"])] if e.exit != 0]
        time.sleep(1)  # the server's time
        balloon = at / "balloon"
        fill(balloon, leave=ROOM_FOR_THE_STORE)
        bought = []
        for words in (job.poll, job.poll, job.fetch):
            ended = job.run(words)
            bought.append(emulator.ledger()["batches_created"])
            if ended.exit != 74:
                found.append(f"answers find no room, and not 74: {ended}")
            if reason_of(job) != "disk":
                found.append(f"not paused for the disk: {ended}")
        if bought != [1, 1, 1]:
            found.append(f"bought though nothing can be stored: {bought} batches")
        balloon.unlink()
        found += [f"does not go on: {e}" for e in [job.run(job.poll)] if e.exit != 0]
        found += job.finish()
        found += job.judge_result() + judge_ledger(emulator.ledger()) + Rows(emulator.ledger(rows=True)).judge(job)
        stage.judge("a disk with room for the store alone", found, job)
    mounts.gone(at)


def read_only(stage, mounts):
    at = stage.directory / "mounts" / "read-only"
    mounts.read_only(at)
    with Emulator(stage.program, stage.directory / "emulator-read-only") as emulator:
        job = Job(stage.program, stage.directory, emulator.url, "read-only", home=at / "home")
        ended = job.run(job.submit)
        found = [] if ended.exit == 74 else [f"not 74: {ended}"]
        if sent(emulator):
            found.append(f"sent though nothing can be kept: {sent(emulator)}")
        stage.judge("submit to a read-only state root", found, job)
    mounts.gone(at)


def prove(stage):
    skipped = []
    try:
        check_strace()
        injected(stage)
    except Skipped as why:
        skipped.append(f"full at the Nth call: {why}")
    try:
        mounts = Mounts()
        mounts.separate()
        no_room_at_all(stage, mounts)
        filled_later(stage, mounts)
        nearly_filled(stage, mounts)
        read_only(stage, mounts)
    except Skipped as why:
        skipped.append(f"mounts: {why}")
    for word in skipped:
        stage.say(f"skipped, {word}")
    if not stage.cases:
        raise Skipped("; ".join(skipped))
