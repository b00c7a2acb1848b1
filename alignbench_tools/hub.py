"""What a push needs of the Hub: who we are, what is there, one commit; and errors that say what to do."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.utils import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    validate_repo_id,
)

CARD = "README.md"
MANIFEST = "manifest.json"
REPO_TYPES = ("dataset", "model", "space")
_HTTP_LIBRARIES = ("httpx", "httpx2", "httpcore", "requests", "urllib3")


class PushError(ValueError):
    """A push that cannot go on; nothing on the Hub has changed. The message says what to do."""


@dataclass(frozen=True)
class Target:
    """Where a push goes: `repo` as `namespace/name`; `revision` is a branch, None for `main`."""

    repo: str
    repo_type: str
    revision: str | None = None
    create_pr: bool = False
    private: bool = False

    def __str__(self) -> str:
        return f"{self.repo_type} {self.repo}"


@dataclass(frozen=True)
class Remote:
    """What the repository holds: its head (None: there is none yet), its files, the last push's manifest."""

    head: str | None = None
    branch_exists: bool = True
    files: frozenset[str] = frozenset()
    card: str | None = None
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def card_was_edited(self) -> bool:
        """Whether the card is another than the one that the last push wrote."""
        pushed = self.manifest.get("files", {}).get(CARD, {}).get("sha256")
        return self.card is not None and hashlib.sha256(self.card.encode("utf-8")).hexdigest() != pushed


def check_name(repo: str) -> None:
    """Raises PushError unless `repo` is a `namespace/name` that the Hub takes."""
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise PushError(f"the Hub takes no repo name {repo!r}: {error}") from None
    if repo.count("/") != 1:
        raise PushError(f"expected a repo as namespace/name (your user or organisation first), got {repo!r}")


def connect(target: Target) -> HfApi:
    """The Hub as the user whose token is stored or in HF_TOKEN; raises PushError if that cannot write."""
    if not huggingface_hub.get_token():
        raise PushError("no token: log in with `hf auth login`, or set HF_TOKEN to one with write permission")
    api = HfApi(endpoint=huggingface_hub.constants.ENDPOINT)
    with errors(target):
        role = api.whoami()["auth"].get("accessToken", {}).get("role")
    # A fine-grained token says nothing of its rights here: the Hub decides at the commit.
    if role == "read":
        raise PushError(
            f"the token may only read: {target} needs one with write permission (Settings, Access Tokens)"
        )
    return api


def inspect(api: HfApi, target: Target) -> Remote:
    """The state of the repository before the push; raises PushError if its name is taken by another type."""
    with errors(target):
        try:
            main: Any = api.repo_info(target.repo, repo_type=target.repo_type)
        except RepositoryNotFoundError:
            _check_other_types(api, target)
            return Remote(head=None)
        branch_exists = True
        if target.revision:
            try:
                main = api.repo_info(target.repo, repo_type=target.repo_type, revision=target.revision)
            except RevisionNotFoundError:
                branch_exists = False
        files = frozenset(sibling.rfilename for sibling in main.siblings or ())
        return Remote(
            head=main.sha,
            branch_exists=branch_exists,
            files=files,
            card=_text(api, target, main.sha, CARD) if CARD in files else None,
            manifest=_manifest(api, target, main.sha) if MANIFEST in files else {},
        )


def _check_other_types(api: HfApi, target: Target) -> None:
    for other in REPO_TYPES:
        if other != target.repo_type and api.repo_exists(target.repo, repo_type=other):
            raise PushError(
                f"{target.repo} is a {other} repo, expected a {target.repo_type} or nothing: take another "
                f"name, or make the {target.repo_type} repo on the Hub yourself if both are wanted"
            )


def _text(api: HfApi, target: Target, head: str, path: str) -> str:
    # By commit, not by branch: what a cache knows of a branch may be old.
    local = api.hf_hub_download(target.repo, path, repo_type=target.repo_type, revision=head)
    return Path(local).read_bytes().decode("utf-8", errors="replace")


def _manifest(api: HfApi, target: Target, head: str) -> dict[str, Any]:
    try:
        found = json.loads(_text(api, target, head, MANIFEST))
    except ValueError:
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("files"), dict) else {}


def commit(
    api: HfApi, target: Target, remote: Remote, folder: Path, message: str, owned: tuple[str, ...] = ()
) -> str:
    """Put all files of `folder` into one commit; returns its URL, the pull request's, or "unchanged".

    Deletes in the same commit what the last push had besides, and other files whose path starts with one
    of `owned`. Files that are the same on the Hub are not sent. Interrupted at any point, the repository is
    as before, and uploaded files are found again by the next push.
    """
    new = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    operations: list[Any] = [CommitOperationAdd(path, folder / path) for path in new]
    pushed = remote.manifest.get("files", {})
    stale = {path for path in remote.files if path in pushed or path.startswith(owned)} - set(new)
    operations += [CommitOperationDelete(path) for path in sorted(stale)]
    repo, kind = target.repo, target.repo_type
    with errors(target):
        head = remote.head
        if head is None:
            sdk = "gradio" if kind == "space" else None
            api.create_repo(repo, repo_type=kind, private=target.private, exist_ok=True, space_sdk=sdk)
            head = api.repo_info(repo, repo_type=kind).sha
        if target.revision and (remote.head is None or not remote.branch_exists):
            api.create_branch(repo, repo_type=kind, branch=target.revision, exist_ok=True)
        _upload(
            api, target, [operation for operation in operations if isinstance(operation, CommitOperationAdd)]
        )
        done = api.create_commit(
            repo,
            operations,
            repo_type=kind,
            commit_message=message,
            revision=target.revision,
            create_pr=target.create_pr,
            # Somebody's commit in between makes the Hub refuse ours, rather than be overwritten by it.
            parent_commit=head,
        )
    if done.oid == head:
        return "unchanged"
    return done.pr_url or done.commit_url


def _upload(api: HfApi, target: Target, additions: list[CommitOperationAdd]) -> None:
    """Send the contents, a folder after the other: only then Xet finds one config's pictures in the other."""
    by_folder = itertools.groupby(additions, key=lambda addition: addition.path_in_repo.rpartition("/")[0])
    for _, part in by_folder:
        api.preupload_lfs_files(
            target.repo,
            list(part),
            repo_type=target.repo_type,
            revision=target.revision,
            create_pr=target.create_pr,
            free_memory=False,
        )


@contextlib.contextmanager
def errors(target: Target) -> Iterator[None]:
    """Turn what goes wrong with the Hub into a PushError that says what to do."""
    try:
        yield
    except (ConnectionError, TimeoutError, OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise PushError(_advice(target, None, str(error))) from error
    except Exception as error:
        # The HTTP library below the client is another one in each version, and its errors get through.
        library = type(error).__module__.split(".")[0]
        if not isinstance(error, HfHubHTTPError) and library not in _HTTP_LIBRARIES:
            raise
        response = getattr(error, "response", None)
        status = response.status_code if response is not None else None
        raise PushError(_advice(target, status, _said(error))) from error


def _said(error: Exception) -> str:
    said = getattr(error, "server_message", None) or str(error) or type(error).__name__
    return said.strip().splitlines()[-1]


def _advice(target: Target, status: int | None, said: str) -> str:
    where = f"{target} on {huggingface_hub.constants.ENDPOINT}"
    advice = {
        400: f"{where}: the Hub refused the request ({said})",
        401: f"{where}: the Hub does not know this token; log in again with `hf auth login`, or set HF_TOKEN",
        403: f"{where}: no write permission there ({said}); take a token that has it, or another repo",
        404: f"{where}: not found, or this token may not see it ({said})",
        409: f"{where}: the Hub says that this exists already ({said})",
        412: f"{where}: somebody committed in the meantime; look at that commit and push again",
    }
    if status in advice:
        return advice[status]
    happened = f"the Hub answered {status}" if status else "the Hub cannot be reached"
    return f"{where}: {happened} ({said}); nothing changed there, push again to go on"
