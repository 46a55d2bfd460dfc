"""What answers: the servers of tests/bench, and the emulator."""

import json
import ssl
import subprocess
import urllib.request

from benches.process import clean_environment
from benches.stop import EXIT_ERROR, Stop

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """Runs for the length of a scope."""

    def __init__(self, command):
        self.command = [str(word) for word in command]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, env=clean_environment(), stdout=subprocess.PIPE, text=True)
        self.first_line = self.process.stdout.readline()
        if not self.first_line:
            self.process.wait()
            raise Stop(EXIT_ERROR, f"`{' '.join(self.command)}` did not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class FixedLatency(Server):
    """Answers every request after the same time. `ca`: its authority, None without TLS."""

    def __init__(self, builds, latency_ms, tls_directory=None):
        tls = ["--tls", tls_directory] if tls_directory else []
        super().__init__([builds.bench / "batchwright_bench_server", "--latency", latency_ms, *tls])
        self.tls_directory = tls_directory
        self.ca = tls_directory / "ca.pem" if tls_directory else None

    @property
    def url(self):
        return f"{'https' if self.ca else 'http'}://127.0.0.1:{self.first_line.split()[1]}/v1"

    def __enter__(self):
        if self.tls_directory:
            self.tls_directory.mkdir(exist_ok=True)
        return super().__enter__()

    def arrivals(self):
        """When requests came, in milliseconds."""
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)
        with opener.open(self.url.removesuffix("/v1") + "/arrivals", timeout=60) as answer:
            return json.load(answer)


class FileServer(Server):
    """Throws uploads away, and sends `file` as the content of any."""

    def __init__(self, builds, file, directory):
        super().__init__([builds.bench / "batchwright_bench_file_server", file, directory])
        self.ca = directory / "ca.pem"

    @property
    def url(self):
        return f"https://127.0.0.1:{self.first_line.split()[1]}/v1"


class Emulator(Server):
    def __init__(self, builds, faults_file, seed):
        super().__init__([builds.program, "--json", "emulator", "--faults", faults_file, "--seed", seed])

    @property
    def url(self):
        return json.loads(self.first_line)["url"]

    def ledger(self):
        with DIRECT.open(self.url.removesuffix("/v1") + "/emulator/ledger", timeout=60) as answer:
            return json.load(answer)

    def use_up(self, key, model, tokens):
        """Takes so many tokens of the rate of an account, by one request that might be answered with as many."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hi."}], "max_completion_tokens": tokens}
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + "/chat/completions", json.dumps(body).encode(), headers)
        with DIRECT.open(request, timeout=60) as answer:
            answer.read()
