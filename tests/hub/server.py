"""HTTP side of the local Hub: reading requests, answering them, faults on demand, the request log."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from .routes import Routes
from .store import HubError, Store

CHUNK = 1 << 16


@dataclass(frozen=True)
class Request:
    """One answered request; `received` and `sent` count body bytes as they went over the wire."""

    method: str
    path: str
    status: int
    received: int
    sent: int
    range: str | None


@dataclass
class Fault:
    """What happens on requests whose `METHOD /path` contains a match of `pattern`, `times` times."""

    pattern: str
    status: int | None = None
    delay: float = 0.0
    cut_after: int | None = None
    action: Callable[[], object] | None = None
    times: float = float("inf")


class HubServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, store: Store, tokens: dict[str, tuple[str, str]], port: int = 0):
        super().__init__(("127.0.0.1", port), Handler)
        self.store, self.tokens = store, tokens
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.require_token = False
        self.faults: list[Fault] = []
        self.log_file: Path = store.root / "requests.jsonl"
        self.log: list[Request] = []
        self.busy = 0
        self.idle = threading.Condition()

    def fault_for(self, request: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.pattern, request):
                fault.times -= 1
                return fault
        return None

    def record(self, request: Request) -> None:
        with self.idle:
            self.log.append(request)
            with self.log_file.open("a") as log:
                log.write(json.dumps(asdict(request)) + "\n")

    def handle_error(self, request: socket.socket, client_address: tuple) -> None:
        """A client that goes away in the middle is what some tests are about."""


class Handler(Routes, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "LocalHub/1"
    # Header and body leave in two writes: Nagle's algorithm would hold the second one back for 40 ms.
    disable_nagle_algorithm = True
    server: HubServer

    def log_message(self, *args: object) -> None:
        pass

    def handle_any(self) -> None:
        self.received = self.sent = 0
        self.status = 0
        self.unread = self._body()
        with self.server.idle:
            self.server.busy += 1
        try:
            self._answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.server.record(
                Request(
                    self.command,
                    unquote(self.path),
                    self.status,
                    self.received,
                    self.sent,
                    self.headers.get("Range"),
                )
            )
            with self.server.idle:
                self.server.busy -= 1
                self.server.idle.notify_all()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def _answer(self) -> None:
        url = urlsplit(self.path)
        self.query = {key: values[0] for key, values in parse_qs(url.query).items()}
        fault = self.server.fault_for(f"{self.command} {unquote(url.path)}")
        self.cut_after = fault.cut_after if fault else None
        try:
            if fault:
                time.sleep(fault.delay)
                if fault.action:
                    fault.action()
                if fault.status:
                    raise HubError(fault.status, "fault asked for by the test")
            self.route([unquote(part) for part in url.path.strip("/").split("/")])
        except HubError as error:
            self.send_error_answer(error)
        except (BrokenPipeError, ConnectionResetError):
            raise
        except Exception:
            # A bug of the server has to reach the client as an answer: silence would hang the test.
            traceback.print_exc()
            self.send_error_answer(HubError(500, "the local Hub has a bug, see its standard error"))

    # bodies

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = self._chunked_body()
        else:
            pieces = self._plain_body(int(self.headers.get("Content-Length") or 0))
        for piece in pieces:
            self.received += len(piece)
            if self.cut_after is not None and self.received >= self.cut_after:
                self.connection.shutdown(socket.SHUT_RDWR)
                raise ConnectionResetError("cut off for the test")
            yield piece

    def _plain_body(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self.rfile.read(min(left, CHUNK))
            if not piece:
                raise ConnectionResetError("the client stopped in the middle of a body")
            left -= len(piece)
            yield piece

    def _chunked_body(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield from self._plain_body(size)
            self.rfile.readline()
        self.rfile.readline()

    def body(self) -> bytes:
        return b"".join(self.unread)

    # answers

    def send_answer(
        self, status: int, content: bytes | object = b"", headers: dict[str, str] | None = None
    ) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._send_headers(status, {"Content-Type": "application/json", **(headers or {})}, len(data))
        if self.command != "HEAD":
            self.wfile.write(data)
            self.sent += len(data)

    def send_error_answer(self, error: HubError) -> None:
        headers = {"X-Error-Message": error.message}
        if error.code:
            headers["X-Error-Code"] = error.code
        self.send_answer(error.status, {"error": error.message}, headers)

    def send_file(self, path: Path, headers: dict[str, str]) -> None:
        size = path.stat().st_size
        start, stop, status = self._range(size)
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        elif status == 416:
            headers["Content-Range"] = f"bytes */{size}"
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", **headers}
        self._send_headers(status, headers, stop - start)
        if self.command == "HEAD":
            return
        with path.open("rb") as file:
            file.seek(start)
            left = stop - start
            while left:
                piece = file.read(min(left, CHUNK))
                self.wfile.write(piece)
                self.sent += len(piece)
                left -= len(piece)

    def _range(self, size: int) -> tuple[int, int, int]:
        """First byte, byte after the last, HTTP status."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not asked or not any(asked.groups()):
            return 0, size, 200
        first, last = asked.groups()
        if not first:
            return max(0, size - int(last)), size, 206
        if int(first) >= size:
            return 0, 0, 416
        return int(first), min(size, int(last) + 1) if last else size, 206

    def _send_headers(self, status: int, headers: dict[str, str], length: int) -> None:
        for _ in self.unread:  # an answer before the end of the body would break the kept-alive connection
            pass
        self.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
