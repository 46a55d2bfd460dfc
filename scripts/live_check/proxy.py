"""Between the program and the API: everything passes, but for one reply."""

import http.server
import threading
import time
import urllib.parse

from live_check.server import NO_ANSWER, exchange


class Cutter(http.server.ThreadingHTTPServer):
    """A server on this machine that passes calls on to the API, and cuts the reply to the first POST /batches."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, base_url, port, state):
        self.base, self.state = urllib.parse.urlsplit(base_url), state
        super().__init__(("127.0.0.1", port), Passing)
        self.url = f"http://127.0.0.1:{self.server_address[1]}{self.base.path}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def cuts(self, method, path, answer):
        """Whether this reply is the one to get lost. Every batch that was made is put down, and every look for it."""
        if not urllib.parse.urlsplit(path).path.endswith("/batches") or not answer.ok:
            return False
        adoption = self.state["adoption"]
        with self.state.lock:
            first = method == "POST" and not adoption["made"]
            if first:
                adoption["cut_at"] = time.time()
            if method == "POST":
                adoption["made"].append(answer.json["id"])
            elif adoption["made"]:
                adoption["looks"] += 1
            self.state.save()
        return first


class Passing(http.server.BaseHTTPRequestHandler):
    """One call on its way."""

    protocol_version = "HTTP/1.1"
    OURS = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "keep-alive", "expect"}

    def pass_on(self):
        answer = self.asked()
        if answer is None or self.server.cuts(self.command, self.path, answer):
            self.close_connection = True
        else:
            self.reply(answer)

    def asked(self):
        """What the API answers; None where no whole answer came."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        base = self.server.base
        try:
            url = f"{base.scheme}://{base.netloc}{self.path}"
            return exchange(self.command, url, dict(self.theirs(self.headers)), body)
        except NO_ANSWER:
            return None

    def reply(self, answer):
        self.send_response_only(answer.status)
        for name, value in self.theirs(answer.headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def theirs(self, headers):
        return [(name, value) for name, value in headers.items() if name.lower() not in self.OURS]

    do_GET = do_POST = do_DELETE = pass_on

    def log_message(self, *_):
        pass
