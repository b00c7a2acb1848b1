"""Pictures, what is none, and a server that answers as it is told: shared by the tests of pictures."""

import http.server
import io
import struct
import time
import zlib
from pathlib import Path

import datasets
import numpy as np
from PIL import Image


def picture(number=0, kind="PNG", size=(24, 16)):
    """A picture that differs from those of other numbers."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 255, (*size, 3), np.uint8)).save(out, kind)
    return out.getvalue()


def bomb(side):
    """A PNG of a hundred bytes that declares `side` x `side` pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


HTML = b"<!DOCTYPE html><html><body>Sign in to see this picture</body></html>"
# Pillow hands EPS to Ghostscript, which runs it as a program.
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


class Site(http.server.BaseHTTPRequestHandler):
    """Answers a path with bytes, a status, a list of such in turn, or as a function of the handler says."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.paths.append(self.path)
        answer = self.server.answers.get(self.path, 404)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer(self)
        elif isinstance(answer, int):
            self.reply(answer, b"no picture")
        else:
            self.reply(200, answer)

    def reply(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": length or len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)


def redirect(to):
    return lambda handler: handler.reply(302, Location=to)


def hang(handler):
    time.sleep(0.6)


def drip(handler):
    handler.reply(200, b"", length=1000)
    for _ in range(20):
        handler.wfile.write(b".")
        time.sleep(0.05)


def by_url(*urls, **changes):
    """Rows on pictures of their own, found by URL."""
    return [
        {"image_name": f"picture {n}", "image_url": url, "image_path_in_repo": None, **changes}
        for n, url in enumerate(urls)
    ]


def by_path(*paths, **changes):
    return [{"image_name": f"picture {n}", "image_path_in_repo": p, **changes} for n, p in enumerate(paths)]


def files(dataset):
    """Path of each row's picture, None where it has none."""
    undecoded = dataset.cast_column("image", datasets.Image(decode=False))
    return [image and Path(image["path"]) for image in undecoded["image"]]


def contents(dataset):
    return [path and path.read_bytes() for path in files(dataset)]


def unavailable(report):
    """{value: line} of the pictures that could not be had."""
    found = [f for f in report.findings if f.kind == "picture_unavailable"]
    return {value: line for f in found for value, line in zip(f.values, f.lines, strict=True)}
