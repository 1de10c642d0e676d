#!/usr/bin/env python3
"""Load from a real client: the Anthropic SDK, with requests that are answered whole and long streams.

    load.py URL KEY SECONDS [--whole 6] [--streams 8] [--stream-tokens 200] [--timeout 60]

So many of each run at a time for so long; streams that run then are waited for. The SDK's own retries
are off: whatever does not go well is seen. Half of the clients take a new connection for each request,
as new clients do; the others keep theirs, and ask once more on a new one if it turns out to have been
closed while it was idle, which any server may do.

Prints one line of JSON: how many of each, how many failed (no answer, or an error) and how many streams
were cut (begun, and not ended as a stream ends), and why.
"""

import argparse
import collections
import json
import threading
import time

import anthropic

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("url")
parser.add_argument("key")
parser.add_argument("seconds", type=float)
parser.add_argument("--whole", type=int, default=6)
parser.add_argument("--streams", type=int, default=8)
parser.add_argument("--stream-tokens", type=int, default=200)
parser.add_argument("--timeout", type=float, default=60)
args = parser.parse_args()

ends = time.monotonic() + args.seconds
count = collections.Counter()
why = collections.Counter()
latencies = []
lock = threading.Lock()


def note(what, error=None, took=None):
    with lock:
        count[what] += 1
        if error is not None:
            cause = error.__cause__ or error
            why[f"{what}: {type(cause).__name__}: {error}"[:160]] += 1
        if took is not None:
            latencies.append(took)


def went_idle(error):
    """Whether a kept connection was closed before anything of an answer came."""
    return isinstance(error, anthropic.APIConnectionError) and not isinstance(error, anthropic.APITimeoutError)


def message(tokens, text):
    return {"model": "claude-sim", "max_tokens": tokens, "messages": [{"role": "user", "content": text}]}


def whole(client):
    began = time.monotonic()
    client.messages.create(**message(2, "Hello"))
    note("whole", took=time.monotonic() - began)


def stream(client):
    last = None
    try:
        with client.messages.create(**message(args.stream_tokens, "Go on"), stream=True) as events:
            for event in events:
                last = event.type
                if last == "message_start":
                    note("streams begun")
    except Exception as error:
        if last is None:
            raise
        note("cut", error)
        return
    note("streams whole" if last == "message_stop" else "cut")


def worker(ask, keeps):
    headers = {} if keeps else {"connection": "close"}
    client = anthropic.Anthropic(base_url=args.url, api_key=args.key, max_retries=0, timeout=args.timeout, default_headers=headers)
    while time.monotonic() < ends:
        try:
            try:
                ask(client)
            except Exception as error:
                if not (keeps and went_idle(error)):
                    raise
                note("connections closed while idle")
                ask(client)
        except Exception as error:
            note("failed", error)
        time.sleep(0.02)


work = [(whole, i % 2 == 0) for i in range(args.whole)] + [(stream, i % 2 == 0) for i in range(args.streams)]
threads = [threading.Thread(target=worker, args=it) for it in work]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
latencies.sort()
p99 = latencies[int(len(latencies) * 0.99)] if latencies else 0
print(json.dumps({
    "whole": count["whole"], "streams": count["streams whole"], "failed": count["failed"], "cut": count["cut"],
    "closed_while_idle": count["connections closed while idle"], "p99_ms": round(p99 * 1000), "why": why,
}))
