"""The local server of the viewer: the page's own files, the columns, pictures by row. Loopback only."""

import http.server
import re
import sys
from http import HTTPStatus
from typing import Any

from .page import FILES, SERVED_POLICY, as_json, static
from .pictures import Pictures

HOST = "127.0.0.1"
_PICTURE = re.compile(r"/pictures/([0-9]{1,9})")


class Viewer(http.server.ThreadingHTTPServer):
    """Serves `columns` and `pictures` at `url`; OSError where `port` is taken (0 takes a free one)."""

    daemon_threads = True

    def __init__(self, columns: dict[str, Any], pictures: Pictures, port: int) -> None:
        self.data = as_json(columns)
        self.pictures = pictures
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that scrolls on hangs up on pictures: no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Viewer
    protocol_version = "HTTP/1.1"
    server_version = "alignbench"
    sys_version = ""

    def do_GET(self) -> None:
        if not self._is_ours():
            return self._send(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"not the name of this server\n")
        found = self._find(self.path.partition("?")[0])
        if found is None:
            return self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
        self._send(HTTPStatus.OK, *found)

    do_HEAD = do_GET  # noqa: N815

    def _is_ours(self) -> bool:
        """A page elsewhere can have its own name point at loopback; its requests then name that host."""
        port = self.server.server_port
        return self.headers.get("Host") in (f"{HOST}:{port}", f"localhost:{port}")

    def _find(self, path: str) -> tuple[str, bytes] | None:
        if path == "/data.json":
            return "application/json", self.server.data
        if picture := _PICTURE.fullmatch(path):
            return self.server.pictures.get(int(picture[1]))
        name = path.removeprefix("/") or "index.html"
        return (FILES[name], static(name)) if name in FILES else None

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", SERVED_POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        # Another release may be served here tomorrow, under the same addresses.
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet: a line per picture helps nobody."""
