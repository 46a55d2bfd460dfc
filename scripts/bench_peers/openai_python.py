"""The official OpenAI client for Python under load: `openai_python.py BASE_URL TOTAL IN_FLIGHT`.

Prints one line of JSON: what it took in seconds, and in seconds of CPU. Authorities come from SSL_CERT_FILE.
"""

import asyncio
import json
import resource
import sys
import time

import openai


async def main(base_url, total, in_flight):
    # The client's own limit is 1,000 connections, of which it keeps 100.
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(max_connections=in_flight, max_keepalive_connections=in_flight)
    http = openai.DefaultAsyncHttpxClient(limits=limits)
    client = openai.AsyncOpenAI(base_url=base_url, api_key="sk-bench-key", max_retries=0, timeout=600, http_client=http)
    turn = asyncio.Semaphore(in_flight)
    failed = 0

    async def ask():
        nonlocal failed
        async with turn:
            try:
                await client.chat.completions.create(
                    model="gpt-5-mini",
                    messages=[{"role": "user", "content": "Classify as positive or negative: I like it."}],
                )
            except openai.OpenAIError:
                failed += 1

    begun = time.monotonic()
    await asyncio.gather(*(ask() for _ in range(total)))
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "requests": total,
        "failed": failed,
        "seconds": round(seconds, 2),
        "requests_per_s": round(total / seconds),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_rss_mb": used.ru_maxrss // 1024,
    }))
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
