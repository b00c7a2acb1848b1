"""Repositories of the local Hub, on disk: content-addressed blobs and one JSON file per repository.

Every write is a temporary file and a rename, and a commit is one such rename under one lock: whatever is
killed, a commit is there or it is not.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

LFS_SUFFIXES = (".parquet", ".arrow", ".bin", ".zip", ".tar", ".gz", ".png", ".jpg", ".jpeg", ".npy")
LFS_BYTES = 10 * 1024 * 1024


class HubError(Exception):
    """An answer other than 200: HTTP status, the Hub's `X-Error-Code` (may be None) and its message."""

    def __init__(self, status: int, message: str, code: str | None = None):
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def wants_lfs(path: str, size: int) -> bool:
    return path.lower().endswith(LFS_SUFFIXES) or size > LFS_BYTES


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _git_blob_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Repo:
    """State of one repository: commits (each with its whole file table), branches, tags, pull requests."""

    def __init__(self, state: dict):
        self.__dict__.update(state)

    type: str
    id: str
    owner: str
    private: bool
    gated_for: list[str] | None  # None: not gated; else the users let in besides the owner
    sdk: str | None
    commits: dict[str, dict]
    branches: dict[str, str]
    tags: dict[str, str]
    pulls: dict[str, str]

    def commit_of(self, revision: str) -> dict:
        """The commit that a branch, tag, `refs/...` name or full or 7-digit sha stands for."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        sha = (
            self.branches.get(name)
            or self.tags.get(name)
            or self.pulls.get(revision.removeprefix("refs/pr/"))
            or revision
        )
        if len(sha) == 7:
            sha = next((full for full in self.commits if full.startswith(sha)), sha)
        if sha not in self.commits:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[sha]

    def history(self, revision: str) -> Iterable[dict]:
        commit: dict | None = self.commit_of(revision)
        while commit:
            yield commit
            commit = self.commits.get(commit["parent"])


class Store:
    def __init__(self, root: str | os.PathLike):
        self.root = Path(root)
        self.lock = threading.RLock()
        (self.root / "blobs").mkdir(parents=True, exist_ok=True)
        (self.root / "repos").mkdir(exist_ok=True)
        self._repos = {}
        for file in (self.root / "repos").glob("*.json"):
            repo = Repo(json.loads(file.read_text()))
            self._repos[repo.type, repo.id] = repo

    # blobs

    def blob(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256

    def add_blob(self, chunks: Iterable[bytes], expected: str | None = None) -> tuple[str, int]:
        """Write chunks under their sha256; nothing stays behind if they end early or the digest differs."""
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(dir=self.root / "blobs", prefix="part-")
        try:
            with os.fdopen(handle, "wb") as part:
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    part.write(chunk)
            if expected is not None and digest.hexdigest() != expected:
                raise HubError(400, f"sha256 is {digest.hexdigest()}, not {expected}")
            os.replace(name, self.blob(digest.hexdigest()))
        except BaseException:
            os.unlink(name)
            raise
        return digest.hexdigest(), size

    def add_file(self, path: str, source: Path) -> dict:
        """Take a local file in as `path`, as LFS or regular by the Hub's rule."""
        size = source.stat().st_size
        with source.open("rb") as stream:
            sha256, _ = self.add_blob(iter(lambda: stream.read(1 << 20), b""))
        return (
            self.lfs_entry(sha256, size) if wants_lfs(path, size) else self.regular_entry(source.read_bytes())
        )

    def regular_entry(self, data: bytes) -> dict:
        sha256, size = self.add_blob([data])
        return {"blob": sha256, "size": size, "oid": _git_blob_oid(data), "lfs": False}

    def lfs_entry(self, sha256: str, size: int) -> dict:
        blob = self.blob(sha256)
        if not blob.exists() or blob.stat().st_size != size:
            raise HubError(400, f"LFS object {sha256} of {size} bytes was not uploaded")
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        return {"blob": sha256, "size": size, "oid": _git_blob_oid(pointer.encode()), "lfs": True}

    # repositories

    def find(self, type_: str, id_: str) -> Repo | None:
        return self._repos.get((type_, id_))

    def create(self, type_: str, id_: str, private: bool = False, sdk: str | None = None) -> Repo:
        with self.lock:
            if (type_, id_) in self._repos:
                raise HubError(409, f"You already created this {type_} repo: {id_}")
            repo = Repo(
                {
                    "type": type_,
                    "id": id_,
                    "owner": id_.split("/")[0],
                    "private": private,
                    "gated_for": None,
                    "sdk": sdk,
                    "commits": {},
                    "branches": {},
                    "tags": {},
                    "pulls": {},
                }
            )
            sha = secrets.token_hex(20)
            repo.commits[sha] = self._commit(sha, None, {}, "initial commit", "")
            repo.branches["main"] = sha
            self._repos[type_, id_] = repo
            self.save(repo)
            return repo

    def delete(self, repo: Repo) -> None:
        with self.lock:
            del self._repos[repo.type, repo.id]
            self._state_file(repo).unlink()

    def save(self, repo: Repo) -> None:
        target = self._state_file(repo)
        part = target.with_suffix(".part")
        part.write_text(json.dumps(repo.__dict__))
        os.replace(part, target)

    def _state_file(self, repo: Repo) -> Path:
        return self.root / "repos" / f"{repo.type}--{repo.id.replace('/', '--')}.json"

    # commits

    @staticmethod
    def _commit(sha: str, parent: str | None, files: dict, title: str, message: str) -> dict:
        return {
            "oid": sha,
            "parent": parent,
            "files": files,
            "title": title,
            "message": message,
            "date": _now(),
        }

    def commit(
        self,
        repo: Repo,
        revision: str,
        changes: dict[str, dict | None],
        title: str,
        message: str = "",
        *,
        parent: str | None = None,
        pull: bool = False,
        sha: str | None = None,
    ) -> tuple[str, str | None]:
        """Put `changes` (path to entry, None to delete) on a branch or on a new pull request, at once.

        Returns the commit's sha and the number of the pull request. Unchanged files make no commit, as on
        the Hub.
        """
        with self.lock:
            head = repo.commit_of(revision)
            if parent is not None and not pull and not head["oid"].startswith(parent):
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
            files = dict(head["files"])
            sha = sha or secrets.token_hex(20)
            for path, entry in changes.items():
                if entry is None:
                    if files.pop(path, None) is None:
                        raise HubError(404, f"{path} is not in the repository", "EntryNotFound")
                elif entry["oid"] != files.get(path, {}).get("oid"):
                    files[path] = {**entry, "commit": sha}
            if files == head["files"] and not pull:
                return head["oid"], None
            repo.commits[sha] = self._commit(sha, head["oid"], files, title, message)
            number = self._move(repo, revision, sha, pull)
            self.save(repo)
            return sha, number

    @staticmethod
    def _move(repo: Repo, revision: str, sha: str, pull: bool) -> str | None:
        if pull:
            number = str(len(repo.pulls) + 1)
            repo.pulls[number] = sha
            return number
        if revision.startswith("refs/pr/"):
            repo.pulls[revision.removeprefix("refs/pr/")] = sha
        elif revision.removeprefix("refs/heads/") in repo.branches:
            repo.branches[revision.removeprefix("refs/heads/")] = sha
        else:
            raise HubError(400, f"{revision} is not a branch")
        return None
