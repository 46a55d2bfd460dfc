"""Calls of the API."""

import contextlib
import dataclasses
import http.client
import ipaddress
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from live_check.stop import EXIT_AUTH, EXIT_CONFIG, EXIT_TEMPORARY, Stop

CALL_TIMEOUT = 60  # seconds
NO_ANSWER = (OSError, http.client.HTTPException)
PASSING = (408, 409, 429, 500, 502, 503, 504)  # statuses that another try may change


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def ok(self):
        return self.status in (200, 206)

    @property
    def json(self):
        """The object in the body; an empty one where there is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def error(self):
        return self.json.get("error")

    def refuses(self, member):
        """Whether it is for this member that the call was refused."""
        return self.status in (400, 422) and member.encode() in self.body

    def told(self):
        """For the terminal, never for the table."""
        return f"{self.status} {self.body[:300].decode(errors='replace')}"


class Unredirected(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # the key goes to nobody else


OPENER = urllib.request.build_opener(Unredirected)  # by the proxy of the environment, as the program goes
DIRECT = urllib.request.build_opener(Unredirected, urllib.request.ProxyHandler({}))


def is_here(url):
    """Whether that is this machine."""
    host = urllib.parse.urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def configured_url():
    """The server's, as the environment has it. The key travels in the clear only within this machine."""
    url = (os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1").rstrip("/")
    parts = urllib.parse.urlsplit(url)
    safe = parts.scheme == "https" or parts.scheme == "http" and is_here(url)
    if parts.username or parts.query or not parts.hostname or not safe:
        raise Stop(
            EXIT_CONFIG, "OPENAI_BASE_URL must be https:// (http:// only to this machine), without user or query"
        )
    return url


def exchange(method, url, headers, body):
    """One call. Raises NO_ANSWER where no whole answer came."""
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with (DIRECT if is_here(url) else OPENER).open(request, timeout=CALL_TIMEOUT) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, refusal.headers, refusal.read())


def multipart(fields, file_name, content):
    boundary = uuid.uuid4().hex
    head = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields)
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
    head += "Content-Type: application/jsonl\r\n\r\n"
    return f"multipart/form-data; boundary={boundary}", head.encode() + content + f"\r\n--{boundary}--\r\n".encode()


class Api:
    """The server at a base URL, called with the key of the environment."""

    def __init__(self, base_url):
        self.base_url = base_url
        self.headers = {
            "Authorization": "Bearer " + os.environ["OPENAI_API_KEY"],
            "User-Agent": "batchwright-live-check",
        }
        for variable, header in (("OPENAI_ORG_ID", "OpenAI-Organization"), ("OPENAI_PROJECT_ID", "OpenAI-Project")):
            if os.environ.get(variable):
                self.headers[header] = os.environ[variable]

    def call(self, method, path, body=None, **headers):
        """An answer of any status but 401. Calls that create nothing are tried again for some seconds."""
        if isinstance(body, dict):
            headers, body = {"Content-Type": "application/json", **headers}, json.dumps(body).encode()
        for pause in () if method == "POST" else (1, 2, 4, 8):
            with contextlib.suppress(*NO_ANSWER):
                answer = self.once(method, path, headers, body)
                if answer.status not in PASSING:
                    return answer
            time.sleep(pause)
        try:
            return self.once(method, path, headers, body)
        except NO_ANSWER as trouble:
            raise Stop(EXIT_TEMPORARY, f"{method} {path}: {trouble}") from None

    def once(self, method, path, headers, body):
        answer = exchange(method, self.base_url + path, {**self.headers, **headers}, body)
        if answer.status == 401:
            raise Stop(EXIT_AUTH, f"the server refused the key: {answer.told()}")
        return answer

    def get(self, path):
        """The object there. Raises Stop for any other answer."""
        answer = self.call("GET", path)
        if not answer.ok:
            raise Stop(EXIT_TEMPORARY, f"GET {path}: {answer.told()}")
        return answer.json

    def content(self, file_id, **headers):
        """The answer that holds a file."""
        return self.call("GET", f"/files/{file_id}/content", **headers)

    def upload(self, fields, file_name, content):
        kind, body = multipart(fields, file_name, content)
        return self.call("POST", "/files", body, **{"Content-Type": kind})
