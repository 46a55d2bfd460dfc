"""The official OpenAI client for Python judges the emulator: `judge.py PROGRAM`.

Every case has an emulator of its own, on a port that the system chose, and ends it. What the client cannot read, or
reads as something else than the API reference says, is a fault of the emulator.
"""

import contextlib
import json
import math
import pathlib
import re
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from typing import List, Literal

import openai
import pydantic

CASES = []
QUICK = {"validating_ms": 0, "in_progress_ms": 0, "finalizing_ms": 0, "cancelling_ms": 0}


def case(faults=None, key="sk-right", tls=False):
    """A judgement over an emulator with these faults, which asks for this key."""

    def register(judge):
        CASES.append((judge, {**QUICK, **(faults or {})}, key, tls))
        return judge

    return register


@contextlib.contextmanager
def emulator(faults, key, tls):
    with tempfile.TemporaryDirectory() as directory:
        rules = pathlib.Path(directory) / "faults.json"
        rules.write_text(json.dumps(faults))
        command = [sys.argv[1], "--json", "emulator", "--api-key", key, "--faults", str(rules), "--dir", directory + "/e"]
        process = subprocess.Popen(
            command + ["--tls"] * tls, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def client_of(server, **options):
    return openai.OpenAI(**{"base_url": server["url"], "api_key": "sk-right", "max_retries": 0, **options})


def raises(kind, call, status=None, code=None):
    try:
        call()
    except kind as error:
        assert type(error) is kind, f"{type(error)} in place of {kind}"
        if status is not None:
            assert error.status_code == status, error.status_code
            assert error.request_id.startswith("req_")
        if code is not None:
            assert error.code == code, error.code
        return error
    raise AssertionError(f"no {kind.__name__}")


def ledger(server):
    with urllib.request.urlopen(server["url"].removesuffix("/v1") + "/emulator/ledger") as page:
        return json.load(page)


def control(server, method, what, body):
    url = server["url"].removesuffix("/v1") + "/emulator/" + what
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), method=method)) as page:
        return json.load(page)


def calls(server, method, route):
    return sum(c["calls"] for c in ledger(server)["calls"] if (c["method"], c["route"]) == (method, route))


def upload(client, lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return client.files.create(file=("in.jsonl", text.encode()), purpose="batch")


def request(custom_id, url, body):
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


def chat_lines(count):
    ask = lambda i: {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": f"text {i}"}]}
    return [request(f"row-{i}", "/v1/chat/completions", ask(i)) for i in range(count)]


def create(client, file, endpoint="/v1/chat/completions", **more):
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more)


def ended(client, batch):
    for _ in range(3000):
        batch = client.batches.retrieve(batch.id)
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            return batch
        time.sleep(0.01)
    raise AssertionError(f"batch still {batch.status}")


def results(client, file_id):
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


# --- files -----------------------------------------------------------------------------------------------------------


@case()
def files_are_created_read_and_deleted(client, server):
    content = b'{"custom_id":"\xc3\xa9"}\n'
    made = client.files.create(
        file=("in.jsonl", content), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert made.object == "file" and made.purpose == "batch" and made.filename == "in.jsonl"
    assert made.bytes == len(content) and made.expires_at - made.created_at == 3600
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == content
    deleted = client.files.delete(made.id)
    assert deleted.deleted and deleted.id == made.id
    raises(openai.NotFoundError, lambda: client.files.retrieve(made.id), 404)


@case()
def files_are_listed_over_several_pages(client, server):
    made = [upload(client, chat_lines(1)).id for _ in range(7)]
    assert [file.id for file in client.files.list(limit=3, order="asc")] == made
    assert [file.id for file in client.files.list(limit=3)] == made[::-1]
    assert calls(server, "GET", "/v1/files") == 6
    assert [file.id for file in client.files.list(limit=2, after=made[3], order="asc", purpose="batch")] == made[4:]
    assert not list(client.files.list(purpose="user_data"))


# --- batches ---------------------------------------------------------------------------------------------------------


@case()
def a_batch_runs_to_its_end(client, server):
    metadata = {"run": "é", "part": "1/4"}
    expiry = {"anchor": "created_at", "seconds": 7200}
    batch = create(client, upload(client, chat_lines(20)), metadata=metadata, output_expires_after=expiry)
    assert batch.object == "batch" and batch.status == "validating" and batch.usage is None
    assert batch.expires_at - batch.created_at == 86400
    batch = ended(client, batch)
    assert batch.status == "completed" and batch.metadata == metadata and batch.errors is None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (20, 20, 0)
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    assert batch.model == "gpt-5.4-mini-2026-03-17" and batch.error_file_id is None
    rows = results(client, batch.output_file_id)
    assert {row["custom_id"] for row in rows} == {f"row-{i}" for i in range(20)}
    answers = [openai.types.chat.ChatCompletion.model_validate(row["response"]["body"]) for row in rows]
    assert batch.usage.input_tokens == sum(a.usage.prompt_tokens for a in answers)
    assert batch.usage.output_tokens == sum(a.usage.completion_tokens for a in answers)
    assert batch.usage.total_tokens == batch.usage.input_tokens + batch.usage.output_tokens
    assert client.files.retrieve(batch.output_file_id).purpose == "batch_output"


@case()
def batches_of_every_endpoint_hold_what_the_client_can_read(client, server):
    types = openai.types
    kinds = {
        "/v1/responses": (types.responses.Response, {"model": "gpt-5.4-mini", "input": "hi"}),
        "/v1/chat/completions": (types.chat.ChatCompletion, chat_lines(1)[0]["body"]),
        "/v1/embeddings": (types.CreateEmbeddingResponse, {"model": "text-embedding-3-small", "input": ["a", "b"]}),
        "/v1/completions": (types.Completion, {"model": "gpt-3.5-turbo-instruct", "prompt": "Once"}),
        "/v1/moderations": (types.ModerationCreateResponse, {"model": "omni-moderation-latest", "input": "x"}),
        "/v1/images/generations": (types.ImagesResponse, {"model": "gpt-image-1", "prompt": "a cat"}),
        "/v1/images/edits": (
            types.ImagesResponse,
            {"model": "gpt-image-1", "prompt": "a dog", "images": [{"file_id": "file-1"}]},
        ),
        "/v1/videos": (types.Video, {"model": "sora-2", "prompt": "a cat"}),
    }
    for url, (kind, body) in kinds.items():
        batch = ended(client, create(client, upload(client, [request("a", url, body)]), url))
        assert batch.status == "completed" and batch.endpoint == url, (url, batch.errors)
        (row,) = results(client, batch.output_file_id)
        answer = kind.model_validate(row["response"]["body"], strict=True)
        assert row["response"]["status_code"] == 200 and row["error"] is None
        if kind is types.Video:
            assert answer.status == "completed" and answer.progress == 100


@case({"in_progress_ms": 3_600_000})
def a_batch_is_cancelled(client, server):
    batch = create(client, upload(client, chat_lines(3)))
    assert client.batches.cancel(batch.id).status == "cancelling"
    batch = ended(client, batch)
    assert batch.status == "cancelled" and batch.cancelled_at >= batch.cancelling_at
    raises(openai.NotFoundError, lambda: client.batches.cancel("batch_none"), 404)


@case()
def batches_are_listed_over_several_pages(client, server):
    file = upload(client, chat_lines(1))
    made = [create(client, file).id for _ in range(7)]
    assert [batch.id for batch in client.batches.list(limit=3)] == made[::-1]
    assert calls(server, "GET", "/v1/batches") == 3
    first = client.batches.list(limit=3)
    assert first.has_more and first.has_next_page() and len(first.data) == 3


@case({"fail_share": 1})
def a_failed_line_stands_in_the_error_file(client, server):
    batch = ended(client, create(client, upload(client, chat_lines(2))))
    assert batch.status == "completed" and batch.output_file_id is None and batch.request_counts.failed == 2
    row = results(client, batch.error_file_id)[0]
    assert row["response"]["status_code"] == 400 and row["response"]["body"]["error"]["code"] == "invalid_prompt"


@case()
def a_batch_that_does_not_validate_tells_its_errors(client, server):
    lines = chat_lines(2) + [request("x", "/v1/embeddings", {"model": "gpt-5.4-mini"})]
    batch = ended(client, create(client, upload(client, lines)))
    assert batch.status == "failed" and batch.usage is None
    assert [(e.code, e.line) for e in batch.errors.data] == [("url_mismatch", 3)]
    texts = {"model": "text-embedding-3-small", "input": ["x"] * 2000}
    many = [request(f"p-{i}", "/v1/embeddings", texts) for i in range(26)]
    batch = ended(client, create(client, upload(client, many), "/v1/embeddings"))
    assert batch.status == "failed" and batch.errors.data[0].message.startswith("The batch input file contains 52000 embed")


@case()
def what_cannot_be_created_is_a_bad_request(client, server):
    file = upload(client, chat_lines(1))
    make = client.batches.create
    fields = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    for wrong in ({"endpoint": "/v1/audio"}, {"completion_window": "1h"}, {"input_file_id": "file-none"}):
        raises(openai.BadRequestError, lambda: make(**{**fields, **wrong}), 400)
    raises(openai.BadRequestError, lambda: make(**fields, metadata={"k": "v" * 513}), 400)
    raises(openai.BadRequestError, lambda: client.files.create(file=("in.txt", b"x"), purpose="batch"), 400)


# --- real time -------------------------------------------------------------------------------------------------------


@case()
def chat_completions(client, server):
    ask = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "foobar"}]}
    answer = client.chat.completions.create(**ask, n=2)
    assert [c.message.content for c in answer.choices] == ["echo 85944171f73967e8 foobar"] * 2
    assert answer.choices[1].index == 1 and answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert client.chat.completions.create(**ask, max_completion_tokens=2).choices[0].finish_reason == "length"
    raised = raises(openai.BadRequestError, lambda: client.chat.completions.create(**ask, max_tokens=2), 400)
    assert (raised.code, raised.param) == ("unsupported_parameter", "max_tokens")


@case()
def responses(client, server):
    answer = client.responses.create(model="gpt-5.4-mini", input="foobar", metadata={"a": "b"})
    assert answer.output_text == "echo 85944171f73967e8 foobar"
    assert answer.status == "completed" and answer.error is None and answer.incomplete_details is None
    assert [item.type for item in answer.output] == ["reasoning", "message"] and answer.metadata == {"a": "b"}
    details = answer.usage.output_tokens_details
    assert 0 < details.reasoning_tokens < answer.usage.output_tokens and answer.usage.input_tokens_details.cached_tokens == 0
    items = [
        {"role": "developer", "content": "Answer with one of: yes."},
        {"role": "user", "content": [{"type": "input_text", "text": "foobar"}]},
    ]
    assert client.responses.create(model="gpt-4o", input=items).output_text == "yes"
    said = client.responses.create(model="gpt-4o", input="foobar", instructions="Answer with one of: no.")
    assert said.output_text == "no" and said.instructions == "Answer with one of: no."
    short = client.responses.create(model="gpt-4o", input="foobar", max_output_tokens=2)
    assert short.status == "incomplete" and short.incomplete_details.reason == "max_output_tokens"
    assert short.output_text == "echo 859" and short.usage.output_tokens == 2
    raises(openai.BadRequestError, lambda: client.responses.create(model="gpt-4o"), 400, "missing_required_parameter")
    raises(openai.BadRequestError, lambda: client.responses.create(model="gpt-4o", input=[]), 400, "empty_array")


class Finding(pydantic.BaseModel):
    label: Literal["good", "bad"]
    scores: List[float]
    note: str


@case()
def answers_in_a_schema_are_parsed(client, server):
    messages = [{"role": "user", "content": "foobar"}]
    chat = client.chat.completions.parse(model="gpt-5.4-mini", messages=messages, response_format=Finding)
    assert isinstance(chat.choices[0].message.parsed, Finding)
    response = client.responses.parse(model="gpt-5.4-mini", input="foobar", text_format=Finding)
    assert isinstance(response.output_parsed, Finding)
    assert response.output_parsed == chat.choices[0].message.parsed


@case()
def schemas_are_as_strict_as_at_the_api(client, server):
    ask = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "foobar"}]}
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    form = lambda schema, strict: {"type": "json_schema", "json_schema": {"name": "f", "strict": strict, "schema": schema}}
    chat = lambda schema, strict=True: client.chat.completions.create(**ask, response_format=form(schema, strict))
    assert json.loads(chat(inner).choices[0].message.content).keys() == {"a"}
    loose = [{**inner, "required": []}, {**inner, "additionalProperties": True}, {"type": "array", "items": inner}]
    for schema in loose:
        error = raises(openai.BadRequestError, lambda: chat(schema), 400, "invalid_json_schema")
        assert error.type == "invalid_request_error" and "Invalid schema for response_format 'f'" in error.message
        json.loads(chat(schema, strict=False).choices[0].message.content)
        text = {"format": {"type": "json_schema", "name": "f", "strict": True, "schema": schema}}
        respond = lambda: client.responses.create(model="gpt-5.4-mini", input="foobar", text=text)
        raises(openai.BadRequestError, respond, 400, "invalid_json_schema")


class Look(pydantic.BaseModel):
    city: str
    days: int


@case()
def functions_are_called(client, server):
    ask = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "foobar"}]}
    look = openai.pydantic_function_tool(Look)
    forced = {"type": "function", "function": {"name": "Look"}}
    named = client.chat.completions.parse(**ask, tools=[look], tool_choice=forced, n=2)
    for choice in named.choices:
        (call,) = choice.message.tool_calls
        assert choice.message.content is None and call.type == "function" and call.id.startswith("call_")
        assert call.function.name == "Look" and isinstance(call.function.parsed_arguments, Look)
    required = client.chat.completions.create(**ask, tools=[look], tool_choice="required")
    assert required.choices[0].finish_reason == "tool_calls"
    assert required.choices[0].message.tool_calls[0].function.arguments == call.function.arguments
    assert client.chat.completions.create(**ask, tools=[look]).choices[0].message.tool_calls is None
    flat = openai.pydantic_function_tool(Look)["function"] | {"type": "function"}
    response = client.responses.create(model="gpt-4o", input="foobar", tools=[flat], tool_choice="required")
    (item,) = response.output
    assert isinstance(item, openai.types.responses.ResponseFunctionToolCall)
    assert item.name == "Look" and item.arguments == call.function.arguments and item.status == "completed"
    assert response.output_text == ""
    other = {"type": "function", "function": {"name": "Listen"}}
    raises(openai.BadRequestError, lambda: client.chat.completions.create(**ask, tools=[look], tool_choice=other), 400)


@case()
def log_probabilities(client, server):
    ask = {"model": "gpt-4o", "messages": [{"role": "user", "content": "foobar"}]}
    answer = client.chat.completions.create(**ask, logprobs=True, top_logprobs=2, n=2)
    for choice in answer.choices:
        assert "".join(t.token for t in choice.logprobs.content) == choice.message.content
        for token in choice.logprobs.content:
            assert bytes(token.bytes).decode() == token.token and token.logprob < 0
            assert len(token.top_logprobs) == 2 and token.top_logprobs[0].token == token.token
    assert client.chat.completions.create(**ask).choices[0].logprobs is None
    include = ["message.output_text.logprobs"]
    said = client.responses.create(model="gpt-4o", input="foobar", include=include, top_logprobs=1).output[0].content[0]
    assert "".join(t.token for t in said.logprobs) == said.text and len(said.logprobs[0].top_logprobs) == 1


@case({"refuse_share": 1})
def refusals(client, server):
    response = client.responses.create(model="gpt-5.4-mini", input="foobar")
    assert response.output[-1].content[0].type == "refusal" and response.output_text == ""
    parsed = client.responses.parse(model="gpt-5.4-mini", input="foobar", text_format=Finding)
    assert parsed.output_parsed is None
    chat = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    assert chat.choices[0].message.content is None and chat.choices[0].message.refusal


@case({"content_filter_share": 1})
def filtered_answers(client, server):
    response = client.responses.create(model="gpt-5.4-mini", input="foobar")
    assert response.status == "incomplete" and response.incomplete_details.reason == "content_filter"
    assert client.completions.create(model="m", prompt="x").choices[0].finish_reason == "content_filter"


@case({"model_fail_share": 1})
def responses_that_the_model_failed(client, server):
    response = client.responses.create(model="gpt-5.4-mini", input="foobar")
    assert response.status == "failed" and response.error.code == "server_error" and response.output == []


@case()
def embeddings(client, server):
    texts = ["one", "two", "drei"]
    make = client.embeddings.create
    asked = make(model="text-embedding-3-small", input=texts)  # as base64 under the hood
    plain = make(model="text-embedding-3-small", input=texts, encoding_format="float")
    assert [d.index for d in asked.data] == [0, 1, 2] and asked.model == "text-embedding-3-small"
    for one, other in zip(asked.data, plain.data):
        assert len(one.embedding) == 1536 and isinstance(one.embedding[0], float)
        assert list(one.embedding) == [struct.unpack("<f", struct.pack("<f", x))[0] for x in other.embedding]
        assert math.isclose(math.fsum(x * x for x in one.embedding), 1, abs_tol=1e-5)
    assert len(make(model="text-embedding-3-large", input="one").data[0].embedding) == 3072
    assert len(make(model="text-embedding-ada-002", input="one").data[0].embedding) == 1536
    assert len(make(model="text-embedding-3-large", input="one", dimensions=7).data[0].embedding) == 7
    assert make(model="text-embedding-3-small", input=[1, 2, 3]).usage.prompt_tokens == 3
    assert len(make(model="text-embedding-3-small", input=[[1, 2], [3]]).data) == 2
    assert len(make(model="text-embedding-3-small", input=["x"] * 2048, dimensions=2).data) == 2048
    for wrong in (
        {"input": ""},
        {"input": ["a", ""]},
        {"input": []},
        {"input": ["x"] * 2049},
        {"input": "x" * 4 * 8193},
        {"input": ["x" * 4 * 8000] * 38},
        {"input": "x", "dimensions": 1537},
    ):
        raises(openai.BadRequestError, lambda: make(**{"model": "text-embedding-3-small", **wrong}), 400)
    raises(openai.BadRequestError, lambda: make(model="text-embedding-ada-002", input="x", dimensions=5), 400)


@case({"bad_text": "poison"})
def a_bad_text_refuses_its_whole_pack_unnamed(client, server):
    make = lambda texts: client.embeddings.create(model="text-embedding-3-small", input=texts)
    error = raises(openai.BadRequestError, lambda: make(["a", "poison", "b"]), 400)
    assert "poison" not in error.message and error.param is None
    make(["a"]), make(["b"])
    raises(openai.BadRequestError, lambda: client.moderations.create(input=["a", "poison"]), 400)
    book = ledger(server)
    assert (book["inputs_executed"], book["inputs_delivered"], book["inputs_beyond_copies"]) == (7, 2, 0)
    make(["b", "c"])
    assert ledger(server)["inputs_beyond_copies"] == 1


@case()
def completions(client, server):
    answer = client.completions.create(model="gpt-3.5-turbo-instruct", prompt=["foobar", "x"], n=2)
    assert [c.index for c in answer.choices] == [0, 1, 2, 3] and answer.object == "text_completion"
    assert [c.text for c in answer.choices[:2]] == ["echo 85944171f73967e8 foobar"] * 2
    assert answer.choices[3].text.endswith(" x") and answer.choices[0].finish_reason == "stop"
    short = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="foobar", max_tokens=1)
    assert short.choices[0].text == "echo" and short.choices[0].finish_reason == "length"
    assert short.usage.completion_tokens == 1
    raises(openai.BadRequestError, lambda: client.completions.create(model="m", prompt=[]), 400)


@case()
def moderations(client, server):
    answer = client.moderations.create(model="omni-moderation-latest", input=[f"text {i}" for i in range(20)])
    flagged = [r for r in answer.results if r.flagged]
    assert len(answer.results) == 20 and 0 < len(flagged) < 20
    for result in answer.results:
        assert result.categories.violence == result.flagged and not result.categories.self_harm_intent
        assert result.category_scores.violence == 0.9 if result.flagged else result.category_scores.violence < 0.001
        assert result.category_applied_input_types.sexual_minors == ["text"]
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]
    (result,) = client.moderations.create(input=parts).results
    assert result.category_applied_input_types.violence == ["text", "image"]
    raises(openai.BadRequestError, lambda: client.moderations.create(input=[]), 400)


@case()
def images_and_videos(client, server):
    image = client.images.generate(model="gpt-image-1", prompt="foobar", n=2)
    assert len(image.data) == 2 and image.data[0].revised_prompt == "echo 85944171f73967e8 foobar"
    assert image.usage.total_tokens == image.usage.input_tokens + image.usage.output_tokens
    # The client sends edits and videos as forms; batches have them in JSON.
    post = lambda path, kind, body: client.post(path, cast_to=kind, body=body)
    edit = {"prompt": "x", "images": [{"image_url": "data:image/png;base64,"}]}
    assert len(post("/images/edits", openai.types.ImagesResponse, edit).data) == 1
    video = post("/videos", openai.types.Video, {"prompt": "x", "seconds": "8"})
    assert video.status == "completed" and video.seconds == "8" and video.model == "sora-2"
    raises(openai.BadRequestError, lambda: client.images.generate(prompt=""), 400)
    raises(openai.BadRequestError, lambda: post("/images/edits", object, {"prompt": "x"}), 400)
    raises(openai.BadRequestError, lambda: post("/videos", object, {"model": "sora-2"}), 400)


@case()
def models(client, server):
    assert "text-embedding-3-small" in [model.id for model in client.models.list()]
    assert client.models.retrieve("gpt-5.4-mini").id == "gpt-5.4-mini"
    raises(openai.NotFoundError, lambda: client.models.retrieve("no-such-model"), 404, "model_not_found")
    raises(openai.NotFoundError, lambda: client.embeddings.create(model="no-such-model", input="x"), 404)


@case()
def the_organisations_usage(client, server):
    for text in ("a", "b"):
        client.chat.completions.create(model="gpt-5.4-mini", messages=[{"role": "user", "content": text}])
    ended(client, create(client, upload(client, chat_lines(3))))
    client.embeddings.create(model="text-embedding-3-small", input=["x", "y"])
    usage = client_of(server, admin_api_key="sk-right").admin.organization.usage
    today = int(time.time()) // 86400 * 86400
    page = usage.completions(start_time=today - 86400, group_by=["model", "batch"], limit=1)
    assert page.object == "page" and page.has_more and page.data[0].start_time == today - 86400
    page = usage.completions(start_time=today - 86400, group_by=["model", "batch"], page=page.next_page)
    results = [result for bucket in page.data for result in bucket.results]
    assert {result.object for result in results} == {"organization.usage.completions.result"}
    assert {result.batch: result.num_model_requests for result in results} == {True: 3, False: 2}, results
    assert all(result.model == "gpt-5.4-mini-2026-03-17" and result.output_tokens > 0 for result in results)
    assert all(result.project_id is None and result.input_cached_tokens == 0 for result in results)
    (vectors,) = (result for bucket in usage.embeddings(start_time=today).data for result in bucket.results)
    assert vectors.num_model_requests == 1 and vectors.input_tokens > 0 and vectors.model is None
    raises(openai.BadRequestError, lambda: usage.completions(start_time=today, bucket_width="2d"), 400)


# --- errors ----------------------------------------------------------------------------------------------------------


@case()
def a_wrong_key_is_an_authentication_error(client, server):
    wrong = client_of(server, api_key="sk-wrong")
    raises(openai.AuthenticationError, lambda: wrong.models.list(), 401, "invalid_api_key")
    raises(openai.AuthenticationError, lambda: wrong.responses.create(model="m", input="x"), 401)


STATUSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
}


@case({"http": [{"path": "/v1/models", "nth": i + 1, "action": "status", "status": s} for i, s in enumerate(STATUSES)]})
def every_status_has_its_class(client, server):
    for status, kind in STATUSES.items():
        raises(kind, lambda: client.models.list(), status)


@case({"http": [{"path": "/v1/models", "nth": [1, 2], "action": "status", "status": 429, "headers": {"retry-after-ms": "30"}},
                {"path": "/v1/files", "first": 1, "action": "status", "status": 503, "headers": {"retry-after": "1"}},
                {"path": "/v1/batches", "action": "status", "status": 500, "headers": {"x-should-retry": "false"}}]})
def calls_are_retried_as_the_headers_ask(client, server):
    patient = client_of(server, max_retries=2)
    begun = time.monotonic()
    assert patient.models.list().data
    assert calls(server, "GET", "/v1/models") == 3 and time.monotonic() - begun >= 0.06
    begun = time.monotonic()
    assert patient.files.list().data == []
    assert time.monotonic() - begun >= 1
    raises(openai.InternalServerError, lambda: patient.batches.list(), 500)
    assert calls(server, "GET", "/v1/batches") == 1


@case({"rate": {"rpm": 1, "tpm": 1000}})
def the_rate_is_told_and_kept(client, server):
    raw = client.responses.with_raw_response.create(model="m", input="x")
    assert raw.headers["x-ratelimit-limit-requests"] == "1" and raw.parse().output_text.endswith(" x")
    error = raises(openai.RateLimitError, lambda: client.responses.create(model="m", input="x"), 429)
    assert error.code == "rate_limit_exceeded" and int(error.response.headers["retry-after-ms"]) > 0


@case({"rate": {"rpm": 60, "tpm": 200_000, "project_tpm": 500_000, "window_ms": 1000}})
def limits_are_told_in_a_form_that_can_be_read_and_waited_for(client, server):
    ask = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "x"}]}
    headers = client.chat.completions.with_raw_response.create(**ask).headers
    for what, limit in {"requests": 60, "tokens": 200_000, "project-tokens": 500_000}.items():
        assert int(headers["x-ratelimit-limit-" + what]) == limit
        assert 0 <= int(headers["x-ratelimit-remaining-" + what]) < limit
        assert re.fullmatch(r"(\d+m)?\d+(\.\d+)?s|\d+ms", headers["x-ratelimit-reset-" + what])
    patient = client_of(server, max_retries=2)
    for _ in range(2):  # one a second
        assert patient.chat.completions.create(**ask).choices[0].message.content.endswith(" x")
    found = ledger(server)
    assert found["live_refused_requests"] >= 1 and found["live_executed"] == 3
    assert found["answers_beyond_copies"] == 2  # the three were one request


@case({"flex_unavailable_share": 1})
def service_tiers(client, server):
    ask = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "x"}]}
    assert client.chat.completions.create(**ask).service_tier == "default"
    assert client.chat.completions.create(**ask, service_tier="auto").service_tier == "default"
    assert client.chat.completions.create(**ask, service_tier="priority").service_tier == "priority"
    assert client.responses.create(model="m", input="x", service_tier="priority").service_tier == "priority"
    patient = client_of(server, max_retries=1)
    error = raises(openai.RateLimitError, lambda: patient.chat.completions.create(**ask, service_tier="flex"), 429)
    assert error.code == "resource_unavailable" and ledger(server)["live_refused_flex"] == 2
    without = {**ask, "model": "gpt-4o"}
    error = raises(openai.BadRequestError, lambda: client.chat.completions.create(**without, service_tier="flex"), 400)
    assert error.param == "service_tier"


QUOTA = {"error": {"message": "You exceeded your current quota.", "type": "insufficient_quota", "param": None,
                   "code": "insufficient_quota"}}


@case({"http": [{"path": "/v1/chat/completions", "for_ms": 600_000, "action": "slow_down"},
                {"path": "/v1/chat/completions", "action": "status", "status": 429, "body": QUOTA}]})
def bad_weather_has_its_words(client, server):
    ask = lambda: client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert "Slow Down" in raises(openai.InternalServerError, ask, 503).message
    control(server, "POST", "clock", {"advance_ms": 600_000})
    raises(openai.RateLimitError, ask, 429, "insufficient_quota")


@case({"http": [{"path": "/v1/models", "nth": 1, "action": "close"},
                {"path": "/v1/models", "nth": 2, "phase": "mid-body", "action": "close"},
                {"path": "/v1/models", "nth": 3, "action": "delay", "delay_ms": 60_000},
                {"path": "/v1/models", "nth": 4, "action": "html"}]})
def broken_calls_are_told_apart(client, server):
    raises(openai.APIConnectionError, lambda: client.models.list())
    try:
        client.models.list()
        raise AssertionError("half a body was taken for a whole one")
    except AssertionError:
        raise
    except Exception:
        pass
    raises(openai.APITimeoutError, lambda: client.with_options(timeout=0.3).models.list())
    raises(openai.InternalServerError, lambda: client.models.list(), 502)


AFTER = {"method": "POST", "path": "/v1/batches", "phase": "after-effect"}


@case({"http": [{**AFTER, "nth": 1, "action": "status", "status": 500}, {**AFTER, "nth": 2, "action": "reset"},
                {**AFTER, "nth": 3, "action": "hang"}, {**AFTER, "nth": 4, "action": "truncate"},
                {**AFTER, "nth": 5, "phase": "mid-body", "action": "close"}]})
def what_was_done_behind_an_error_shows_in_the_listing(client, server):
    file = upload(client, chat_lines(1))
    raises(openai.InternalServerError, lambda: create(client, file), 500)
    raises(openai.APIConnectionError, lambda: create(client, file))
    raises(openai.APITimeoutError, lambda: create(client, file, timeout=0.3))
    for _ in range(2):
        try:
            create(client, file)
        except (ValueError, openai.APIError):
            continue
        raise AssertionError("half an answer was taken for a whole one")
    assert [batch.input_file_id for batch in client.batches.list()] == [file.id] * 5
    assert not any(batch["answered"] for batch in ledger(server)["batches"])


@case({"in_progress_ms": 48 * 3_600_000})
def a_day_passes_at_once(client, server):
    batch = create(client, upload(client, chat_lines(4)))
    while batch.status == "validating":
        batch = client.batches.retrieve(batch.id)
    control(server, "POST", "clock", {"advance_ms": 86_400_000})
    batch = ended(client, batch)
    assert batch.status == "expired" and batch.expired_at == batch.expires_at == batch.created_at + 86_400
    left = results(client, batch.error_file_id)
    assert left and {row["error"]["code"] for row in left} == {"batch_expired"}
    control(server, "POST", "clock", {"advance_ms": 31 * 86_400_000})
    raises(openai.NotFoundError, lambda: client.files.content(batch.error_file_id), 404)
    control(server, "PUT", "faults", {"http": [{"path": "/v1/models", "action": "status", "status": 409}]})
    raises(openai.ConflictError, lambda: client.models.list(), 409)


@case(tls=True)
def https_with_the_certificate_that_it_names(client, server):
    assert server["url"].startswith("https://")
    trusting = ssl.create_default_context(cafile=server["ca_file"])
    trusted = client_of(server, http_client=openai.DefaultHttpxClient(verify=trusting))
    assert trusted.models.list().data
    raises(openai.APIConnectionError, lambda: client.models.list())


def main():
    failed = 0
    for judge, faults, key, tls in CASES:
        try:
            with emulator(faults, key, tls) as server:
                judge(client_of(server), server)
            print(f"ok      {judge.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {judge.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"openai for Python {openai.__version__}: {len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
