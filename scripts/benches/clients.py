"""What sends requests: the program, the bare loop it is measured by, and the official clients."""

import json
import random
import shutil

from benches import ROOT
from benches.process import clean_environment, run
from benches.stop import EXIT_ERROR, Stop

MODEL = "gpt-5.4-mini"
KEY = "sk-bench-key"
WORDS = "the this that film book room staff was is very not good bad slow kind dull fine again never always".split()
PEERS = ROOT / "scripts/bench_peers"


def write_input(path, items, seed, words=8):
    """An input of so many short reviews, each of some half to one and a half times so many words."""
    chance = random.Random(seed)
    with open(path, "w", encoding="utf-8") as out:
        for number in range(items):
            text = " ".join(chance.choices(WORDS, k=chance.randint(words // 2, words * 3 // 2)))
            out.write(json.dumps({"id": f"r{number}", "text": text}) + "\n")
    return path


class Program:
    """The program as a user runs it: from the input to the merged result, each time in a home of its own."""

    name = "batchwright run"

    def __init__(self, builds, directory, seed):
        self.program, self.directory, self.seed = builds.program, directory, seed
        self.inputs = {}

    def send(self, server, total, in_flight):
        home, out = self.directory / "home", self.directory / "out.jsonl"
        shutil.rmtree(home, ignore_errors=True)
        trust = ["--cacert", server.ca] if server.ca else []
        command = [self.program, *trust, *run_words(self.input_of(total), in_flight), "-o", out]
        ended = run(command, environment_of(home, server.url))
        need(self.name, ended, out.exists() and sum(1 for _ in open(out, "rb")) == total)
        out.unlink()
        return ended

    def input_of(self, total):
        if total not in self.inputs:
            self.inputs[total] = write_input(self.directory / f"in-{total}.jsonl", total, self.seed)
        return self.inputs[total]


def run_words(input_file, in_flight):
    words = ["run", input_file, "--mode", "realtime", "--probe", "0", "--name", "bench", "--yes", "--model", MODEL]
    words += ["--prompt", "Classify as positive or negative: {{text}}", "--max-output-tokens", "16"]
    return [*words, *(["--max-in-flight", in_flight] if in_flight else [])]


def environment_of(home, url):
    return clean_environment(
        BATCHWRIGHT_HOME=home, XDG_CONFIG_HOME=home / "no-config", OPENAI_BASE_URL=url, OPENAI_API_KEY=KEY
    )


class Overtaxed(Exception):
    """So much in flight is more than a client can do: says how much failed. The program and the bare loop must not."""


class Load:
    """A program that sends so many requests, and nothing else."""

    def __init__(self, name, command, ca_variable=None, may_fail=False):
        self.name, self.command, self.ca_variable, self.may_fail = name, command, ca_variable, may_fail

    def send(self, server, total, in_flight):
        as_argument = [server.ca] if server.ca and not self.ca_variable else []
        trust = {self.ca_variable: server.ca} if server.ca and self.ca_variable else {}
        ended = run([*self.command, server.url, total, in_flight, *as_argument], clean_environment(**trust))
        if self.may_fail and ended.status == 1 and ended.out:
            raise Overtaxed(f"{json.loads(ended.out)['failed']:,} of {total:,} failed")
        need(self.name, ended, True)
        return ended


def bare_poco(builds):
    return Load("bare Poco loop", [builds.bench / "batchwright_bench_poco"])


def official(builds):
    """With a semaphore, which is what people use."""
    at = builds.clients
    python = [at / "venv/bin/python", PEERS / "openai_python.py"]
    node = [at / "node", PEERS / "openai_node.mjs", at / "package.json"]
    return [
        Load("openai (Python)", python, "SSL_CERT_FILE", may_fail=True),
        Load("openai (Node)", node, "NODE_EXTRA_CA_CERTS", may_fail=True),
    ]


def need(name, ended, whole):
    if ended.status != 0 or not whole:
        told = " | ".join((ended.err or ended.out).strip().splitlines()[-4:])
        raise Stop(EXIT_ERROR, f"{name} ended with {ended.status}, and not all was answered: {told}")
