"""Bad weather in real time: each scene a job, and what the way to the server and the server do to it on the way.

The weather comes with the first call, amid them or with the last three, for seconds, or with `--large` for a minute.
What must hold: the job ends complete, every item bought once, but for answers that were lost on their way, which are
counted; an attempt is used up only by what may have been billed, and by the first tries at a server that answers
nothing of use; that server is left alone; and `status`, asked in the middle, says what is going on. Three attempts are
enough, but where connections are cut at random.
"""

import concurrent.futures
import random
import re
import time

from proxy import Proxy
from replies import figures
from routes import Journals, Routed, judge_attempts, judge_money, judge_named, judge_no_attempt, judge_routes, wasted
from stage import Emulator, judge_ledger, remove

AT_ONCE = 8  # most of a scene is waiting
BETWEEN_LOOKS = 0.2
CALLS = "/v1/chat/completions"
IN_A_ROW = 20  # failures, until the server is left alone


EARLY, AMID, LATE = "from the first call on", "amid them", "for the last three"


class Scene:
    """A server with answers of 50 ms. The weather comes at some time and lasts; or it comes when three items are left,
    and strikes each of them some times, while what was sent before is answered yet, and then nobody."""

    name = ""
    faults = {"chat_latency_ms": 50}
    items, in_flight, options = 400, [4, 32, 64], []
    comes = [EARLY, AMID, LATE]
    says = ""  # what `status` says meanwhile

    def __init__(self, stage, number, seconds):
        self.dice = random.Random(f"{stage.seed}/{number}")
        self.stage, self.seconds = stage, seconds
        self.come, self.most = self.dice.choice(self.comes), self.dice.choice(self.in_flight)
        self.place = stage.directory / f"{type(self).__name__.lower()}-{number}"
        self.emulator = Emulator(stage.program, self.place / "emulator", self.faults)
        self.looks = []

    def play(self):
        with self.emulator:
            self.job = self.make_job(self.emulator.url)
            if self.come != AMID:
                self.strike()
            process = self.job.start(self.job.whole)
            if self.come == AMID:
                self.await_calls(process, self.items // 3)
                self.strike()
            while process.poll() is None:
                self.pass_time()
                self.looks.append(self.job.status())
                time.sleep(BETWEEN_LOOKS)
            ended = self.job.wait(process, self.job.whole)
            self.clear_up()
            found = [f"{ended}"] if ended.exit != 0 else []
            self.ledger = self.emulator.ledger(rows=True)
            scene = f"{self.name} {self.come}, {self.most} in flight"
            return self.job, found + self.verdict(), {"scene": scene, **figures(self.ledger)}

    def make_job(self, url):
        name = self.place.name
        options = ["--mode", "realtime", "--max-in-flight", self.most, *self.options]
        return Routed(self.stage.program, self.place, url, name, self.items, self.items, options)

    def await_calls(self, process, calls):
        until = time.monotonic() + 60
        while process.poll() is None and self.emulator.ledger()["live_calls"] < calls:
            if time.monotonic() > until:
                raise RuntimeError("the scene does not come about: nothing is sent")
            time.sleep(0.02)

    def strike(self):
        self.emulator.change({**self.faults, **self.weather()})

    def weather(self):
        when = {"for_ms": self.seconds * 1000}
        if self.come == LATE:
            strokes = 3 * (6 if self.is_long() else 3)  # half a minute, or seconds
            when = {"nth": list(range(self.items - 2, self.items - 2 + strokes))}
        return {"http": [{"path": CALLS, **when, **self.way()}]}

    def is_long(self):
        return self.seconds > 10

    def pass_time(self):
        """Once between two looks."""

    def clear_up(self):
        """However the job ended, the ledger is to be read."""

    def verdict(self):
        found = self.job.judge_result() + self.judge_ledger()
        if self.job.result.exists():
            found += judge_money(self.job) + self.judge_attempts()
        if not any(re.search(self.says, look) for look in self.looks):
            found.append(f"`status` never said {self.says!r}, but: {self.looks[:: max(1, len(self.looks) // 3)]}")
        return found

    def judge_ledger(self):
        """Every item was run once."""
        found = judge_ledger(self.ledger) + judge_routes(self.job, self.job.rows(self.ledger))
        if self.ledger["live_executed"] != self.items:
            found.append(f"{self.items} items were run {self.ledger['live_executed']} times")
        return found

    def judge_attempts(self):
        return judge_no_attempt(self.job)

    def judge_some_wasted(self, most):
        found = judge_attempts(self.job, lambda i: 0, lambda i: 2)
        if wasted(self.job) > most:
            found.append(f"{wasted(self.job)} attempts were wasted, not {most} at most")
        return found

    def answers(self, status):
        return sum(row["answers"] for row in self.ledger["live_answers"] if row["status"] == status)

    def judge_left_alone(self, calls):
        """What was in flight, as many again, and a few a second."""
        most = 2 * max(IN_A_ROW, self.most) + 2 * self.seconds
        return [] if 0 < calls <= most else [f"{calls} calls in bad weather, not 1 to {most}"]


class TooMany(Scene):
    name = "nothing but 429"
    says = "waiting: the server asked to wait|waiting: the rate limit"

    def way(self):
        """Three of them are over at once, where the server does not ask for a pause."""
        asks = self.come == LATE or self.dice.random() < 0.5
        return {"action": "status", "status": 429, **({"headers": {"retry-after": "1"}} if asks else {})}

    def judge_ledger(self):
        """After each pause of a second no more is tried than may be in flight."""
        refused, most = self.answers(429), (self.seconds + 1) * max(IN_A_ROW, self.most)
        found = [] if 0 < refused <= most else [f"{refused} calls were refused, not 1 to {most}"]
        return super().judge_ledger() + found


class Shrinking(Scene):
    """From 12,000 requests a minute to 1,200, which the headers tell."""

    name = "limits that shrink by ten"
    faults = {"chat_latency_ms": 20, "rate": {"rpm": 12_000, "window_ms": 1000}}
    in_flight, comes = [32], [AMID]
    says = "at most 1,200 requests"

    def __init__(self, stage, number, seconds):
        self.items = 300 + 20 * seconds
        super().__init__(stage, number, seconds)

    def weather(self):
        return {"rate": {"rpm": 1200, "window_ms": 1000}}

    def judge_ledger(self):
        refused = self.ledger["live_refused_requests"]
        return super().judge_ledger() + ([f"{refused} were refused"] if refused > self.most else [])


class Outage(Scene):
    name = "nothing but 5xx"
    says = "waiting: 20 requests failed in a row|waiting: sent again after a failure"

    def way(self):
        self.status = self.dice.choice([500, 502, 503, 504])
        return {"action": "status", "status": self.status}

    def judge_ledger(self):
        return super().judge_ledger() + self.judge_left_alone(self.answers(self.status))

    def judge_attempts(self):
        """A few that fail are tried for half a minute before that costs another one."""
        most = 2 if self.come == LATE and self.is_long() else 1
        found = judge_attempts(self.job, lambda i: 0, lambda i: most)
        return found + self.judge_some_wasted(IN_A_ROW + self.most)


class Stragglers(Outage):
    """Answers take 2 to 6 s: those of requests that were sent before come home while the last three fail, and tell
    nothing of how the server is by now."""

    name = "nothing but 5xx, with slow answers under way"
    faults = {"chat_latency_ms": 2000, "chat_latency_spread_ms": 4000}
    items, in_flight, comes = 100, [64], [LATE]


class Pages(Scene):
    """Pages with the status of an answer: nobody can tell whether that was billed."""

    name = "pages for JSON"
    comes = [EARLY, AMID]  # what may have been billed uses up an attempt, and of the last items all of them
    says = Outage.says

    def way(self):
        return {"action": "html", "status": 200}

    def judge_ledger(self):
        # The weather came amid answers: those of its own are the last of its status, and all else was run.
        pages = self.answers(200) - self.ledger["live_executed"]
        return super().judge_ledger() + self.judge_left_alone(pages)

    def judge_attempts(self):
        return self.judge_some_wasted(IN_A_ROW + self.most)


class Death(Scene):
    """The server is killed, and comes back at the same port: what was answered before is not asked again."""

    name = "a server that dies and comes back"
    comes = [EARLY, AMID]
    says = Outage.says
    faults = {"chat_latency_ms": 200}

    def strike(self):
        self.emulator.die()
        self.back_at = time.monotonic() + self.seconds
        if self.come != EARLY:
            time.sleep(1)  # what was answered is recorded
        self.before = set(Journals(self.job).answered())

    def pass_time(self):
        if self.back_at and time.monotonic() >= self.back_at:
            self.clear_up()

    def clear_up(self):
        if self.back_at:
            self.emulator.come_back()
            self.back_at = None

    def judge_ledger(self):
        found, rows = judge_ledger(self.ledger), self.job.rows(self.ledger)
        for i, row in enumerate(rows):
            expected = 0 if self.job.id(i) in self.before else 1
            if row["live_executed"] != expected:
                found.append(f"item {i} was run {row['live_executed']} times after the death, not {expected}")
        if (len(self.before) > 0) != (self.come != EARLY) or len(self.before) == self.items:
            found.append(f"{len(self.before)} were answered before the death")
        return found[:5]

    def judge_attempts(self):
        return self.judge_some_wasted(self.most)


class Slow(Scene):
    """Answers take 9 s; connections are kept, and there are no more of them than requests in flight."""

    name = "slow answers over kept connections"
    items, in_flight, comes = 12, [4], [EARLY]
    says = "4 in flight"

    def play(self):
        self.faults = {"chat_latency_ms": 9000 if self.is_long() else 2000}
        self.emulator.change(self.faults)
        with Proxy(self.emulator.url, self.dice) as self.proxy:
            return super().play()

    def make_job(self, _):
        return super().make_job(self.proxy.url)

    def strike(self):
        pass

    def judge_ledger(self):
        made = self.proxy.connections
        return super().judge_ledger() + ([f"{made} connections for {self.most} in flight"] if made > self.most else [])


class Cuts(Slow):
    """A proxy cuts half of the connections, each after up to 20,000 bytes, which is some 20 answers: one in forty is
    lost, and what was sent again may be cut again. With ten attempts none is lost for good."""

    name = "a proxy that cuts connections"
    faults = {"chat_latency_ms": 300}
    in_flight, options = [32, 64], ["--max-attempts", 10]
    says = "may have been billed twice"

    def __init__(self, stage, number, seconds):
        self.items = 150 * seconds
        super().__init__(stage, number, seconds)

    def play(self):
        with Proxy(self.emulator.url, self.dice, 0.5) as self.proxy:
            return Scene.play(self)

    def judge_ledger(self):
        """A cut costs one request at most that was under way."""
        again = self.ledger["live_executed"] - self.items
        found = judge_ledger(self.ledger, {"answers_beyond_copies"}) + judge_named(self.job, self.job.rows(self.ledger))
        if not 0 < again <= self.proxy.cuts:
            found.append(f"{again} were run again, with {self.proxy.cuts} cuts")
        return found

    def judge_attempts(self):
        lost = wasted(self.job)
        return [] if lost <= self.proxy.cuts else [f"{lost} attempts were wasted, with {self.proxy.cuts} cuts"]


SCENES = [TooMany, Shrinking, Outage, Stragglers, Pages, Death, Slow, Cuts]


class Weather:
    def __init__(self, stage):
        self.stage = stage

    def case(self, number, seconds):
        return SCENES[number % len(SCENES)](self.stage, number, seconds).play()


def prove(stage):
    weather, short = Weather(stage), stage.runs or len(SCENES)
    long = len(SCENES) if stage.large else 0
    seconds = [60] * long + [4] * short
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        cases = pool.map(stage.guarded(weather.case), range(long + short), seconds)
        for number, (job, found, told) in enumerate(cases):
            stage.judge(f"{told['scene']}, {seconds[number]} s, case {number}", found, job, told)
            if not found:
                remove(job.directory.parent)
