"""A small OpenAI-compatible server, for tests: `python server.py REPLIES.json --key KEY` prints its port.

REPLIES.json maps the digest of what was asked (`keys.digest`: texts and picture) to the reply: its text,
or `[text, top_logprobs]` with one `{token: log-probability}` per token of the reply. Written on asyncio's
protocols alone, so that the server is not what a benchmark of clients measures.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from keys import digest

FAULTS = ("429", "500", "quota", "garbage", "html", "reset", "silence")
REFUSALS = {
    "429": (429, "Rate limit reached", "rate_limit_exceeded"),
    "500": (500, "The server had an error", "server_error"),
    "quota": (429, "You exceeded your current quota", "insufficient_quota"),
}
GARBAGE = "Colourless green ideas sleep furiously."


class Book:
    """What the server knows and what it has counted."""

    def __init__(self, replies, key, faults, seed, delay, text_only):
        self.replies = replies
        self.key = key
        self.faults = faults
        self.delay = delay
        self.text_only = text_only
        self.random = random.Random(seed)
        self.counts = Counter()
        self.asked = Counter()

    def fault(self, question):
        """A scripted fault for this question, else one drawn by the rates; None for none."""
        scripted = self.faults.get("by_key", {}).get(question)
        if scripted:
            return scripted
        draw = self.random.random()
        for name in FAULTS:
            draw -= self.faults.get(name, 0.0)
            if draw < 0:
                return name
        return None

    def answer(self, body, key):
        """(status, payload) of a chat completion; payload None means: close the connection."""
        if key != f"Bearer {self.key}":
            self.counts["401"] += 1
            return 401, problem("Incorrect API key provided", "invalid_api_key")
        request = json.loads(body)
        if not str(request.get("model", "")).startswith("gpt-4o"):
            self.counts["404"] += 1
            return 404, problem(f"The model `{request.get('model')}` does not exist", "model_not_found")
        question, pictures = digest(request["messages"])
        if pictures and self.text_only:
            self.counts["400"] += 1
            return 400, problem("Invalid content type: image_url is only supported by vision models", None)
        fault = self.fault(question)
        if fault:
            self.counts[fault] += 1
        if fault in REFUSALS:
            return REFUSALS[fault][0], problem(*REFUSALS[fault][1:])
        if fault == "html":
            return 200, "<!doctype html><title>Bad gateway</title>"
        if fault in ("reset", "silence"):
            return 0, fault
        self.counts["paid"] += 1
        self.asked[question] += 1
        reply = GARBAGE if fault == "garbage" else self.replies.get(question)
        if reply is None:
            self.counts["unknown"] += 1
            return 400, problem("the stub knows no reply to this question", None)
        return 200, completion(request, reply, pictures)


def problem(message, code):
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def completion(request, reply, pictures):
    text, top = (reply, None) if isinstance(reply, str) else reply
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    if request.get("logprobs") and top is not None:
        choice["logprobs"] = {"content": [alternatives(each) for each in top]}
    prompt_tokens = 20 + 85 * pictures
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": f"{request['model']}-2025-01-01",
        "choices": [choice],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": 2, "total_tokens": prompt_tokens + 2},
    }


def alternatives(top):
    rows = [{"token": t, "logprob": p, "bytes": None} for t, p in sorted(top.items(), key=lambda x: -x[1])]
    return rows[0] | {"top_logprobs": rows}


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request at a time, bodies with Content-Length."""

    def __init__(self, book):
        self.book = book
        self.buffer = bytearray()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lines = self.buffer[:head].decode("latin-1").split("\r\n")
        headers = dict(
            line.lower().split(": ", 1) for line in lines[1:] if not line.startswith("Authorization")
        )
        key = next((line.split(": ", 1)[1] for line in lines if line.lower().startswith("authorization")), "")
        end = head + 4 + int(headers.get("content-length", 0))
        if len(self.buffer) < end:
            return
        body = bytes(self.buffer[head + 4 : end])
        del self.buffer[:end]
        method, path, _ = lines[0].split(" ", 2)
        self.respond(*self.route(method, path, body, key), chat=path.endswith("/chat/completions"))

    def route(self, method, path, body, key):
        if path.endswith("/chat/completions"):
            return self.book.answer(body, key)
        if path == "/stub/counts":
            return 200, {**self.book.counts, "most_asked": max(self.book.asked.values(), default=0)}
        if path == "/stub/faults":
            self.book.faults = json.loads(body)
            return 200, {}
        return 404, problem(f"no such path: {path}", None)

    def respond(self, status, payload, chat):
        if payload == "silence":
            return
        if payload == "reset":
            self.transport.abort()
            return
        html = isinstance(payload, str)
        content = (payload if html else json.dumps(payload)).encode()
        kind = "text/html" if html else "application/json"
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
        if chat and self.book.delay:
            asyncio.get_running_loop().call_later(self.book.delay, self.write, head.encode() + content)
        else:
            self.write(head.encode() + content)

    def write(self, data):
        if not self.transport.is_closing():
            self.transport.write(data)


async def serve(book, port):
    server = await asyncio.get_running_loop().create_server(lambda: Connection(book), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The owner holds our standard input: when it closes, the owner is gone.
    await asyncio.to_thread(sys.stdin.read)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("replies", type=Path)
    parser.add_argument("--key", default="right-key")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=json.loads, default={}, help="JSON: rates by name, `by_key`")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--text-only", action="store_true", help="pictures are refused")
    args = parser.parse_args()
    replies = json.loads(args.replies.read_text(encoding="utf-8"))
    asyncio.run(serve(Book(replies, args.key, args.faults, args.seed, args.delay, args.text_only), args.port))


if __name__ == "__main__":
    main()
