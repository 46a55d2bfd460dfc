"""Killed at every system call, without hooks in the product.

Every command that writes state is killed, each in the scenes (scenes.py) in which it has something to do. kill_at
counts the calls of all threads together, from when the program was loaded, and kills on entering the Nth; N goes up
to what a run makes, and a little further, since threads share the work otherwise each time. Then plain commands bring
the job to its end, and it is judged. Each kill has a server, a job and a state root of its own.

That it is really tried is part of the proof: a scene in which nobody is killed must hold, too; each one is struck;
what the blows leave is counted, and with every call struck it must have been seen on both sides of each commit.

Why not strace: `inject=SET:signal=KILL:when=N` counts for each thread and each call, and strikes the first to reach
N, which is the main thread for all small N; what a worker does first is never struck. With --seccomp-bpf, strace 6.1
sends no signal at all, and says nothing.
"""

import collections
import concurrent.futures
import itertools
import subprocess

from scenes import SCENES
from stage import Emulator, Skipped, remove

CALLS = "write pwrite64 fsync fdatasync rename unlink ftruncate sendto sendmsg read recvfrom openat mkdir close".split()
CALLS += ["unlinkat", "rmdir"]
AT_ONCE = 8  # most of a case is waiting
SLACK = 1.05
FEWEST_CALLS = 60  # of any command that has something to do
MOST_SURVIVE = 0.2


class Kills:
    def __init__(self, stage):
        self.program, self.directory = stage.program, stage.directory
        self.kill_at = stage.tool("kill_at")
        self.serial = itertools.count(1)
        tried = subprocess.run([self.kill_at, "1", "/dev/null", "close", "cat", "/dev/null"], capture_output=True, text=True)
        if tried.returncode != -9:
            raise Skipped(f"a process cannot be traced here, ptrace is not permitted ({tried.returncode})")

    def case(self, scene, n):
        """The scene, its command killed at the Nth call; 0: not at all."""
        place = self.directory / f"{scene.__name__.lower()}-{n}-{next(self.serial)}"
        with Emulator(self.program, place / "emulator", scene.faults) as emulator:
            play = scene(self.program, place, emulator)
            play.set_up()
            log = place / "calls"
            ended = play.job.run(play.words, [self.kill_at, str(n), str(log), ",".join(CALLS)])
            calls = log.read_text().splitlines()
            found = []
            if ended.exit == -9 and len(calls) != n:
                found.append(f"killed, but not at call {n} of {len(calls)}")
            if ended.exit != -9 and ended.exit not in scene.ends:
                found.append(f"neither killed nor well: {ended}")
            for step in (play.look, play.go_on, play.judge):
                found = found or step()
            return Case(play, place, ended.exit == -9, calls, found)


class Case:
    def __init__(self, play, place, killed, calls, found):
        self.job, self.seen, self.place = play.job, play.seen, place
        self.killed, self.calls, self.found = killed, calls, found

    def keep_if_wrong(self):
        if not self.found:
            remove(self.place)


def permitted(stage):
    scenes = []
    for scene in SCENES:
        try:
            scene.check()
            scenes.append(scene)
        except Skipped as why:
            stage.say(f"skipped, {scene.command}: {why}")
    return scenes


def plan(stage, kills, scenes, pool):
    """Each `every`th kill of a scene, another start each day; the scene without a kill says how many there are."""
    wanted = []
    for scene, whole in zip(scenes, pool.map(stage.guarded(kills.case), scenes, itertools.repeat(0))):
        stage.judge(f"{scene.command}, not killed", whole.found, whole.job)
        whole.keep_if_wrong()
        if len(whole.calls) < FEWEST_CALLS:
            raise RuntimeError(f"{scene.command} makes {len(whole.calls)} calls: it has nothing to do")
        last = int(len(whole.calls) * SLACK) + 1
        first = 1 + stage.seed % min(stage.every, len(whole.calls))
        wanted += [(scene, n) for n in range(first, last + 1, stage.every)]
    return wanted


def judge_trial(stage, scene, cases):
    """Whether the scene's command was really killed, and where it makes a difference."""
    killed = [case for case in cases if case.killed]
    seen = collections.Counter(case.seen for case in killed if case.seen)
    told = f"; left {', '.join(f'{word}: {n}' for word, n in sorted(seen.items()))}" if seen else ""
    stage.say(f"  {scene.command}: {len(killed)} killed, {len(cases) - len(killed)} ended before{told}")
    found = []
    if len(killed) < (1 - MOST_SURVIVE) * len(cases) - 1 or not killed:
        found.append(f"only {len(killed)} of {len(cases)} were killed")
    if stage.every == 1 and set(seen) < scene.leaves:
        found.append(f"never left: {', '.join(sorted(scene.leaves - set(seen)))}")
    stage.judge(f"{scene.command} is really killed", found)


def prove(stage):
    kills, tried = Kills(stage), collections.defaultdict(list)
    scenes = permitted(stage)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wanted = plan(stage, kills, scenes, pool)
        stage.say(f"{len(wanted)} kills, every {stage.every} from {stage.seed % stage.every}")
        for (scene, n), case in zip(wanted, pool.map(stage.guarded(kills.case), *zip(*wanted))):
            tried[scene].append(case)
            call = case.calls[-1] if case.calls else ""
            stage.judge(f"{scene.command} killed at call {n}, {call} (thread, name)", case.found, case.job)
            case.keep_if_wrong()
    for scene in scenes:
        judge_trial(stage, scene, tried[scene])
