"""An OpenAI-compatible server with hidden replies, in a process of its own."""

import base64
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from .keys import digest

KEY = "right-key"


def question(prompt, picture=None):
    """The key of one question in a stub's replies: a prompt, after the picture (bytes) if there is one."""
    shown = [] if picture is None else [image(picture)]
    return digest([{"content": [*shown, {"type": "text", "text": prompt}]}])[0]


def image(picture):
    return {"type": "image_url", "image_url": {"url": "data:," + base64.b64encode(picture).decode()}}


class Stub:
    """`with Stub(replies, folder) as stub:` serves `replies` (digest -> reply) at `stub.base_url`."""

    def __init__(self, replies, folder, *options, faults=None):
        self.file = Path(folder) / "replies.json"
        self.file.write_text(json.dumps(replies), encoding="utf-8")
        self.options = [*map(str, options), "--faults", json.dumps(faults or {})]

    def __enter__(self):
        command = [sys.executable, str(Path(__file__).with_name("server.py")), str(self.file), *self.options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.root = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.base_url = f"{self.root}/v1"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def counts(self):
        """Requests by outcome ("paid": answered by the model), and how often the most asked was."""
        return self._call("/stub/counts")

    def set_faults(self, faults):
        self._call("/stub/faults", faults)

    def _call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.root + path, data=data, timeout=10) as reply:
            return json.loads(reply.read())
