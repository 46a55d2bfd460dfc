"""Jobs of other kinds than prompts for rows with ids: how each is asked for, what its items are called, what is right.

What a right answer is, where it follows from the text but does not hold it, is the emulator's to tell: `learn` asks it
in real time, once the ledger was read and nothing goes wrong any more.
"""

import hashlib
import json

from stage import MODEL, Job

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["label", "score"],
    "additionalProperties": False,
}
VECTORS = "text-embedding-3-small"


class Plain(Job):
    """Rows without ids: their ordinals tell them apart."""

    asks = ["--model", MODEL, "--prompt", "{{text}}", "--max-output-tokens", "64"]

    def id(self, i):
        return f"bw-{i:010}"


class Packed(Plain):
    """Vectors, several items a request."""

    asks = ["--endpoint", "embeddings", "--model", VECTORS, "--set", "dimensions=4", "--prompt", "{{text}}"]
    asks += ["--inputs-per-request", "4"]

    def learn(self, emulator):
        body = {"model": VECTORS, "dimensions": 4, "input": [self.text(i) for i in range(self.items)]}
        self.right = [row["embedding"] for row in emulator.call("POST", "/v1/embeddings", body)["data"]]

    def is_answer(self, i, output):
        return output == self.right[i]

    def billed(self, ledger):
        paid = {row["input_sha256"]: row["billed"] for row in ledger["inputs"]}
        known_by = [f"/v1/embeddings\n{VECTORS}\n{self.text(i)}" for i in range(self.items)]
        return [paid.get(hashlib.sha256(text.encode()).hexdigest(), 0) for text in known_by]


class PackedWithIds(Packed):
    """The same under ids of the user's, which the requests do not hold."""

    asks = [*Packed.asks, "--id-column", "id"]

    def id(self, i):
        return Job.id(self, i)


class Documents(Job):
    """Answers that keep to a schema."""

    asks = [*Job.asks[:-1], "200"]

    def write_input(self):
        super().write_input()
        schema = self.directory / "schema.json"
        schema.write_text(json.dumps(SCHEMA))
        self.asks = [*self.asks, "--schema", str(schema)]

    def learn(self, emulator):
        form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
        self.right = []
        for i in range(self.items):
            messages = [{"role": "user", "content": self.text(i)}]
            body = {"model": MODEL, "messages": messages, "response_format": form}
            answer = emulator.call("POST", "/v1/chat/completions", body)
            self.right.append(json.loads(answer["choices"][0]["message"]["content"]))

    def is_answer(self, i, output):
        return output == self.right[i]


class ReadyMade(Job):
    """Requests as another program made them."""

    input_name = "requests.jsonl"
    asks = []

    def write_input(self):
        self.input.write_text("".join(self.line(i) for i in range(self.items)))

    def line(self, i):
        messages = [{"role": "user", "content": self.text(i)}]
        body = {"model": MODEL, "messages": messages, "max_completion_tokens": 64}
        request = {"custom_id": self.id(i), "method": "POST", "url": "/v1/chat/completions", "body": body}
        return json.dumps(request) + "\n"


class TwoFiles(ReadyMade):
    """The same in two files, whose requests no batch holds together."""

    def write_input(self):
        half = self.items // 2
        second = self.directory / "more.jsonl"
        self.input.write_text("".join(self.line(i) for i in range(half)))
        second.write_text("".join(self.line(i) for i in range(half, self.items)))
        self.asks = [str(second)]


class Overlapping(Job):
    """Items that ask what others ask: five texts come again and again, in every job of the kind."""

    def text(self, i):
        return f"Say overlap {i % 5}"
