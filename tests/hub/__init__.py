"""A local Hub on loopback: what `huggingface_hub` and `datasets` ask of the Hub.

    with Hub(tmp_path) as hub:
        hub.seed("me/data", folder)             # a repository from a folder
        env = hub.env()                         # HF_ENDPOINT, HF_TOKEN, ... for a subprocess
        hub.fail("PUT /lfs", status=500)        # 500, delay or a cut upload for matching requests
        hub.requests("GET .*resolve")           # what was asked for, with bytes each way

`python -m tests.hub --root DIR --port 0` serves the same from a process of its own. Uploads go the LFS way
with `HF_HUB_DISABLE_XET=1` and the Xet way without; downloads are plain.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

from .server import Fault, HubServer, Request
from .store import Store

__all__ = ["READ_TOKEN", "STRANGER_TOKEN", "WRITE_TOKEN", "Hub", "Request"]

WRITE_TOKEN = "hf_local_write"
READ_TOKEN = "hf_local_read"
STRANGER_TOKEN = "hf_local_stranger"
TOKENS = {WRITE_TOKEN: ("me", "write"), READ_TOKEN: ("me", "read"), STRANGER_TOKEN: ("stranger", "write")}


class Hub:
    """The server with its state under `root`; user `me` owns `me/*`, user `stranger` owns `stranger/*`."""

    def __init__(self, root: str | os.PathLike, port: int = 0):
        self.store = Store(root)
        self.server = HubServer(self.store, dict(TOKENS), port)
        self.url = self.server.url

    def __enter__(self) -> Hub:
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def env(
        self, home: str | os.PathLike, token: str | None = WRITE_TOKEN, xet: bool = False
    ) -> dict[str, str]:
        """Environment that points the Hugging Face libraries here, with caches under `home`."""
        env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        env.update(
            HF_ENDPOINT=self.url,
            HF_HOME=str(home),
            HF_HUB_DISABLE_XET="0" if xet else "1",
            HF_HUB_DISABLE_TELEMETRY="1",
            HF_HUB_DISABLE_IMPLICIT_TOKEN="0" if token else "1",
        )
        if token:
            env["HF_TOKEN"] = token
        return env

    # content

    def seed(
        self, id_: str, folder: str | os.PathLike, type_: str = "dataset", sha: str | None = None
    ) -> str:
        """Commit a folder to `main` of a new or known repository, as `sha` if given; returns the sha."""
        repo = self.store.find(type_, id_) or self.store.create(
            type_, id_, sdk="gradio" if type_ == "space" else None
        )
        folder = Path(folder)
        files = {f.relative_to(folder).as_posix(): f for f in sorted(folder.rglob("*")) if f.is_file()}
        changes = {path: self.store.add_file(path, file) for path, file in files.items()}
        return self.store.commit(repo, "main", changes, f"seed from {folder.name}", sha=sha)[0]

    def gate(self, id_: str, type_: str = "dataset", allowed: tuple[str, ...] = ()) -> None:
        repo = self.store.find(type_, id_)
        repo.gated_for = list(allowed)
        self.store.save(repo)

    def files(self, id_: str, type_: str = "dataset", revision: str = "main") -> dict[str, bytes]:
        """Path to content of everything at a revision, read straight from the disk."""
        entries = self.store.find(type_, id_).commit_of(revision)["files"]
        return {path: self.store.blob(entry["blob"]).read_bytes() for path, entry in entries.items()}

    def commits(self, id_: str, type_: str = "dataset", revision: str = "main") -> list[str]:
        """Titles, newest first."""
        return [commit["title"] for commit in self.store.find(type_, id_).history(revision)]

    # faults

    def fail(
        self,
        pattern: str = "",
        *,
        status: int | None = 500,
        delay: float = 0.0,
        times: float = float("inf"),
    ) -> None:
        """Answer requests whose `METHOD /path` matches with `status` (None: only wait), `times` times."""
        self.server.faults.append(Fault(pattern, status, delay, times=times))

    def cut_uploads(self, after: int, times: float = float("inf")) -> None:
        """Break the connection once `after` bytes of an upload have come in."""
        self.server.faults.append(Fault("^PUT /lfs/", cut_after=after, times=times))

    def when(self, pattern: str, action: Callable[[], object]) -> None:
        """Run `action` on the first matching request, before it is answered."""
        self.server.faults.append(Fault(pattern, action=action, times=1))

    def heal(self) -> None:
        self.server.faults.clear()

    # log

    def requests(self, pattern: str = "") -> list[Request]:
        """Requests so far whose `METHOD /path` matches; waits for those still under way."""
        with self.server.idle:
            self.server.idle.wait_for(lambda: self.server.busy == 0, timeout=5)
            return [r for r in self.server.log if re.search(pattern, f"{r.method} {r.path}")]

    def forget_requests(self) -> None:
        self.requests()
        self.server.log.clear()
