"""What most scripts do, line by line: `plane_python.py build FILE OUT`, `... validate FILE...`."""

import json
import sys

MODEL = "gpt-5.4-mini"


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


if __name__ == "__main__":
    {"build": build, "validate": validate}[sys.argv[1]](*sys.argv[2:])
