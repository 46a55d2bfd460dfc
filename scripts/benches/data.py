"""Items made from a seed: prose, code, Chinese and JSON in turn, about a thousand bytes each."""

import json
import random

REQUESTS_A_FILE = 50_000
POOL = 1_000  # texts of each kind; an item's number stands before its text, so that no two are equal
WORDS = (
    "the parcel came late but what was in it worked at once and the colour is as shown on the page so all in all "
    "a good buy though next time smaller boxes would do since paper is dear and nobody has room for that much of it"
).split()
NAMES = "index total buffer offset record field value reader writer part batch item".split()
SIGNS = "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于心学么之都好看起发当没成只如事把还用第样道想作种开美总从无情己面最女但现前些所同日手又行意动方期它头经长儿回位分爱老因很给名法间斯知世什两次使身者被高已亲其进此话常与活正感"


def texts(seed):
    """The pool of each kind, as they stand in a JSON string."""
    chance = random.Random(seed)
    made = {"prose": prose, "code": code, "Chinese": chinese, "JSON": records}
    return {kind: [json.dumps(make(chance), ensure_ascii=False)[1:-1] for _ in range(POOL)] for kind, make in made.items()}


def prose(chance):
    return " ".join(chance.choices(WORDS, k=chance.randint(100, 300))).capitalize() + "."


def code(chance):
    lines = []
    for _ in range(chance.randint(10, 30)):
        a, b, c = chance.choices(NAMES, k=3)
        lines.append(f'\tif ({a} < {chance.randint(0, 999)}) {b} = {c}[{a}] + "{chance.choice(WORDS)}\\n";')
    return "\n".join(lines)


def chinese(chance):
    return "".join(chance.choices(SIGNS, k=chance.randint(150, 500))) + "。"


def records(chance):
    return json.dumps(
        [{name: chance.randint(0, 10**6), "note": chance.choice(WORDS)} for name in chance.choices(NAMES, k=20)]
    )


def write_items(path, items, seed):
    """As JSON lines with the columns `id` and `text`."""
    pools = list(texts(seed).values())
    with open(path, "w", encoding="utf-8", buffering=1 << 20) as out:
        for i in range(items):
            text = pools[i % len(pools)][(i // len(pools)) % POOL]
            out.write(f'{{"id":"item-{i}","text":"{i} {text}"}}\n')


def write_table(path, items, seed):
    """The same items as CSV."""
    pools = [[quoted(text) for text in pool] for pool in texts(seed).values()]
    with open(path, "w", encoding="utf-8", newline="", buffering=1 << 20) as out:
        out.write("id,text\n")
        for i in range(items):
            text = pools[i % len(pools)][(i // len(pools)) % POOL]
            out.write(f'item-{i},"{i} {text}"\n')


def quoted(text):
    return json.loads(f'"{text}"').replace('"', '""')


def write_requests(directory, items, seed):
    """The same items as ready-made requests, in files as large as the server takes them."""
    pools = list(texts(seed).values())
    files = []
    for first in range(0, items, REQUESTS_A_FILE):
        files.append(directory / f"ready-made-{len(files)}.jsonl")
        with open(files[-1], "w", encoding="utf-8", buffering=1 << 20) as out:
            for i in range(first, min(items, first + REQUESTS_A_FILE)):
                text = pools[i % len(pools)][(i // len(pools)) % POOL]
                out.write(
                    f'{{"custom_id":"item-{i}","method":"POST","url":"/v1/chat/completions","body":'
                    f'{{"model":"gpt-5.4-mini","messages":[{{"role":"user","content":"{i} {text}"}}]}}}}\n'
                )
    return files
