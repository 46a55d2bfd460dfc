"""Answers made from a seed, in files as the Batch API writes them: in no order, by custom_id; and in a journal."""

import array
import base64
import json
import random

from benches.data import POOL, texts

PARTS = 20
MADE_AT = 1795301000
RETRIED, LIVE = 7, 13  # of twenty items the one that a retry part answers, and the one that real time does
DIMENSIONS, VECTORS = 3072, 100
VECTOR_BYTES = 4 * DIMENSIONS
IN_FLIGHT = 200
REFUSAL = json.dumps({
    "error": {
        "message": "The server had an error while processing your request. Sorry about that!",
        "type": "server_error",
        "param": None,
        "code": "server_error",
    }
})


class Answers:
    """Lines for items, of the same kinds of text as the items."""

    def __init__(self, seed):
        self.pools = list(texts(seed).values())
        self.chance = random.Random(seed)

    def text(self, item):
        """As it stands in a JSON string."""
        return f"{item} " + self.pools[item % len(self.pools)][(item // len(self.pools)) % POOL]

    def body(self, item):
        prompt, completion = 150 + item % 200, 100 + item % 300
        return (
            f'{{"id":"chatcmpl-{item:024x}","object":"chat.completion","created":{MADE_AT + item % 3600},'
            f'"model":"gpt-5.4-mini-2026-03-17","choices":[{{"index":0,"message":{{"role":"assistant","content":"'
            f'{self.text(item)}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],'
            f'"usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{prompt + completion},'
            f'"prompt_tokens_details":{{"cached_tokens":{item % 100}}},'
            f'"completion_tokens_details":{{"reasoning_tokens":{item % 50}}}}},'
            f'"service_tier":"default","system_fingerprint":null}}'
        )

    def success(self, item):
        return line(f"batch_req_{item:024x}", item, 200, self.body(item))

    def refusal(self, item):
        return line(f"batch_req_{item:024x}", item, 500, REFUSAL)

    def write(self, path, items, line_of):
        items = list(items)
        self.chance.shuffle(items)
        with open(path, "w", encoding="utf-8", buffering=1 << 20) as out:
            out.writelines(map(line_of, items))

    def write_journal(self, path, items, attempt):
        """As the real-time processor keeps it, with so many requests in flight."""
        with open(path, "w", encoding="utf-8", buffering=1 << 20) as out:
            for begin in range(0, len(items), IN_FLIGHT):
                numbers = list(range(begin, min(begin + IN_FLIGHT, len(items))))
                out.writelines(f'{{"begin":{number},"attempt":{attempt}}}\n' for number in numbers)
                self.chance.shuffle(numbers)
                for number in numbers:
                    item = items[number]
                    out.write(line(f"realtime-{number}-{attempt}", item, 200, self.body(item)))


def line(name, item, status, body):
    return (
        f'{{"id":"{name}","custom_id":"{custom_id_of(item)}","response":{{"status_code":{status},'
        f'"request_id":"{item:032x}","body":{body}}},"error":null}}\n'
    )


def custom_id_of(item):
    return f"bw-{item:010}"


def ranges(items, parts):
    """Of equal size, but for the last."""
    size = -(-items // parts)
    return [range(first, min(first + size, items)) for first in range(0, items, size)]


def output(directory, part):
    return directory / f"{part:04}.output.jsonl"


def errors(directory, part):
    return directory / f"{part:04}.errors.jsonl"


def write_outputs(directory, items, seed, parts=PARTS):
    """An output file for each part. Returns them."""
    answers = Answers(seed)
    files = []
    for part, own in enumerate(ranges(items, parts), 1):
        files.append(output(directory, part))
        answers.write(files[-1], own, answers.success)
    return files


def write_retried_outputs(directory, items, seed):
    """Of the same parts, a tenth of whose items were refused: each left those to a retry part, which answered half of
    them. What these left was joined into a part in real time."""
    answers = Answers(seed)
    owned = ranges(items, PARTS)
    child, joined = len(owned), 0
    for part, own in enumerate(owned, 1):
        answered = [item for item in own if item % 20 not in (RETRIED, LIVE)]
        retried = [item for item in own if item % 20 == RETRIED]
        live = [item for item in own if item % 20 == LIVE]
        answers.write(output(directory, part), answered, answers.success)
        answers.write(errors(directory, part), retried + live, answers.refusal)
        if retried or live:
            child += 1
            answers.write(output(directory, child), retried, answers.success)
            answers.write(errors(directory, child), live, answers.refusal)
            joined += bool(live)
    answers.write_journal(output(directory, child + joined + 1), range(LIVE, items, 20), attempt=3)


def vectors(seed):
    """A pool of vectors, each as decimal text and as base64 of the same 32-bit floats."""
    chance = random.Random(seed)
    for _ in range(VECTORS):
        numbers = [f"{chance.gauss(0, 0.02):.7g}" for _ in range(DIMENSIONS)]
        floats = array.array("f", map(float, numbers))  # little-endian, as all machines are that this runs on
        yield "[" + ",".join(numbers) + "]", f'"{base64.b64encode(floats.tobytes()).decode()}"'


def write_vectors(decimal, packed, items, seed):
    """The same output twice: vectors as decimal text, and as base64. Both paths are of folders."""
    pool = [[vector_body(form) for form in forms] for forms in vectors(seed)]
    order = list(range(items))
    random.Random(seed).shuffle(order)
    for form, directory in enumerate((decimal, packed)):
        with open(output(directory, 1), "w", encoding="utf-8", buffering=1 << 20) as out:
            for item in order:
                out.write(line(f"batch_req_{item:024x}", item, 200, pool[item % len(pool)][form]))


def vector_body(vector):
    return (
        f'{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":{vector}}}],'
        '"model":"text-embedding-3-large","usage":{"prompt_tokens":200,"total_tokens":200}}'
    )
