"""What is sent: the files of requests, those that must run and those that must be refused."""

import json

MODEL, OTHER_MODEL = "gpt-6-luna", "gpt-5.4-mini"  # the second only stands in a file that must be refused
ENDPOINT = "/v1/chat/completions"
OUTPUT_CAP = 512  # a reasoning model that gets no room to think is answered with an error
ADOPTED_ITEMS, CANCELLED_ITEMS = 2, 40
BAD_LINE = 3  # the line of a bad file that is at fault


def request(custom_id, model, /, **other):
    """A line; other members replace its own, or take them out where they are None."""
    body = {"model": model, "messages": [{"role": "user", "content": "Answer with the word yes."}]}
    body |= {"max_completion_tokens": OUTPUT_CAP, **other.pop("body", {})}
    line = {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body} | other
    return json.dumps({key: value for key, value in line.items() if value is not None}) + "\n"


def good(prefix, count):
    return lambda model: [request(f"{prefix}-{i}", model) for i in range(count)]


def bad(**other):
    """Four lines, one of them at fault."""
    return lambda model: [request(f"row-{i}", model, **(other if i == BAD_LINE else {})) for i in range(1, 5)]


def mixed(model):
    refused = request("bad-0", model, body={"max_completion_tokens": -1})
    return [request("good-0", model), refused, request("good-1", model)]


def no_json(model):
    return [line if i != BAD_LINE else "{no JSON}\n" for i, line in enumerate(bad()(model), 1)]


# The lines of a file by its name, for a model.
FILES = {
    "mixed": mixed,
    "adopted": good("adopted", ADOPTED_ITEMS),
    "cancelled": good("cancelled", CANCELLED_ITEMS),
    "bad.duplicate": bad(custom_id="row-1"),
    "bad.url": bad(url="/v1/embeddings"),
    "bad.json": no_json,
    "bad.model": bad(body={"model": OTHER_MODEL}),
    "bad.method": bad(method=None),
}
# The code with which a bad file is refused.
BAD = {
    "bad.duplicate": "duplicate_custom_id",
    "bad.url": "url_mismatch",
    "bad.json": "invalid_json_line",
    "bad.model": "model_mismatch",
    "bad.method": "missing_required_parameter",
}
TWICE = "bad.json"  # the file of the two creates with one key: it runs nothing


def batch_of(file_id):
    """The body of a create."""
    return {"input_file_id": file_id, "endpoint": ENDPOINT, "completion_window": "24h"}
