"""What most scripts do: `plane_python.py build FILE OUT`, `... validate FILE...`, `... merge OUT FILE...`."""

import json
import sys

MODEL = "gpt-5.4-mini"
INPUT, CACHED, OUTPUT = 0.375, 0.0375, 2.25  # USD a million tokens, of batches


def build(path, out):
    with open(path, encoding="utf-8") as lines, open(out, "w", encoding="utf-8") as requests:
        for number, line in enumerate(lines):
            item = json.loads(line)
            body = {"model": MODEL, "messages": [{"role": "user", "content": f"Positive or negative? {item['text']}"}]}
            request = {"custom_id": f"item-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            requests.write(json.dumps(request, ensure_ascii=False) + "\n")


def validate(*paths):
    for path in paths:
        seen = set()
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                request = json.loads(line)
                custom_id = request["custom_id"]
                assert custom_id not in seen, f"line {number + 1}: {custom_id} stands twice"
                seen.add(custom_id)
                assert request["url"].startswith("/v1/") and request["body"]["model"], f"line {number + 1}"


def merge(out, *paths):
    results = {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                result = json.loads(line)
                results[result["custom_id"]] = result
    with open(out, "w", encoding="utf-8") as records:
        for index, custom_id in enumerate(sorted(results)):
            body = results[custom_id]["response"]["body"]
            usage, choice = body["usage"], body["choices"][0]
            cached = usage["prompt_tokens_details"]["cached_tokens"]
            fresh = usage["prompt_tokens"] - cached
            output = usage["completion_tokens"]
            record = {
                "index": index,
                "custom_id": custom_id,
                "output": choice["message"]["content"],
                "finish_reason": choice["finish_reason"],
                "model": body["model"],
                "usage": {"input_tokens": usage["prompt_tokens"], "cached_tokens": cached, "output_tokens": output},
                "cost_usd": (fresh * INPUT + cached * CACHED + output * OUTPUT) / 1e6,
            }
            records.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    {"build": build, "validate": validate, "merge": merge}[sys.argv[1]](*sys.argv[2:])
