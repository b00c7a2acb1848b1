"""The page's files, and the page as one self-contained file."""

import base64
import hashlib
import json
import re
from functools import cache
from importlib import resources
from typing import Any

# Path of the page's own files -> media type; the server gives nothing else.
FILES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "detail.css": "text/css; charset=utf-8",
    "captions.js": "text/javascript; charset=utf-8",
    "view.js": "text/javascript; charset=utf-8",
    "detail.js": "text/javascript; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
# Texts of a release are anybody's words: even if one escaped, it could neither run nor call out.
SERVED_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@cache
def static(name: str) -> bytes:
    """Content of one of `FILES`."""
    return resources.files(__package__).joinpath("static").joinpath(name).read_bytes()


def as_json(columns: dict[str, Any]) -> bytes:
    return json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode()


def one_file(columns: dict[str, Any]) -> bytes:
    """The page with its styles, scripts, data and pictures inside; it needs no server and no network."""
    styles = "".join(_text(name) for name in FILES if name.endswith(".css"))
    scripts = "".join(_text(name) for name in FILES if name.endswith(".js"))
    # In a script element only `<` could end the data early.
    data = as_json(columns).decode().replace("<", "\\u003c")
    icon = base64.b64encode(static("icon.svg")).decode()
    policy = (
        f"default-src 'none'; script-src {_hash(scripts)}; style-src {_hash(styles)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    html = re.sub(r'<(link rel="stylesheet"|script src=)[^\n]*\n', "", _text("index.html"))
    html = html.replace('href="icon.svg"', f'href="data:image/svg+xml;base64,{icon}"')
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{styles}</style>\n</head>'
    tail = f'<script id="data" type="application/json">{data}</script>\n<script>{scripts}</script>\n</body>'
    return html.replace("</head>", head).replace("</body>", tail).encode()


def _text(name: str) -> str:
    return static(name).decode("utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
