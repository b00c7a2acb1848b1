"""A Label Studio server through its HTTP API: projects, tasks, exports.

By the documented endpoints and the standard library, for Label Studio's own client brings OpenCV along.
"""

import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

TOKEN_VARIABLE = "LABEL_STUDIO_API_KEY"
_SECONDS = 300
_TRIES = 4
_BATCH_TASKS = 100
# Servers refuse bodies over some hundred megabytes.
_BATCH_BYTES = 16 << 20


class LabelStudioError(OSError):
    """What the server did not do; the message says what to do, and never holds the token.

    `transient`: another try may succeed. The server may have done it nevertheless.
    """

    def __init__(self, message: str, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    # Following one would hand the token to another host.
    def redirect_request(self, *_: Any) -> None:
        return None


class LabelStudio:
    """A server at `url`, as the owner of `token`: a personal access token or a legacy one.

    Raises ValueError for a URL that is none and without a token, LabelStudioError where the server refuses.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"{url}: expected the address of a Label Studio server, e.g. http://localhost:8080"
            )
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._token = token or os.environ.get(TOKEN_VARIABLE, "").strip()
        if not self._token:
            raise ValueError(f"set {TOKEN_VARIABLE} to an access token (in Label Studio: Account & Settings)")
        self._access: str | None = None
        self._opener = urllib.request.build_opener(_NoRedirects)

    def project(self, title: str, marker: str, settings: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """The project whose description ends with `marker`, made with `settings` if there is none.

        Returns the project, and whether it was made now. The marker is how a run that was killed finds
        what it had begun.
        """
        body = {"title": title[:50], "description": marker, **settings}
        made = False
        for tries in range(1, _TRIES + 1):
            if found := self.find_project(marker):
                return found, made
            try:
                return self.call("POST", "/api/projects/", body, tries=1), True
            except LabelStudioError as error:
                if tries == _TRIES or not error.transient:
                    raise
                made = True
                time.sleep(2**tries)
        raise AssertionError("unreachable")

    def find_project(self, marker: str) -> dict[str, Any] | None:
        """The oldest project whose description ends with `marker`, or None."""
        projects = [p for p in self._projects() if str(p.get("description") or "").strip().endswith(marker)]
        return min(projects, key=lambda project: project["id"]) if projects else None

    def _projects(self) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            answer = self.call("GET", f"/api/projects/?page={page}&page_size=100")
            yield from answer["results"]
            if not answer.get("next"):
                return
            page += 1

    def add_tasks(self, project: int, tasks: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
        """Import the tasks whose `key` the project does not have; how many were new, and how many there.

        A batch whose answer was lost is looked for before it is sent again. Should the server have worked on
        the last batch of a killed run meanwhile, the repetitions are removed. Raises LabelStudioError where
        the server took fewer than it was given.
        """
        present = self.keys(project)
        there = new = 0
        for batch in _batches(tasks):
            missing = [task for task in batch if task["data"]["key"] not in present]
            there += len(batch) - len(missing)
            if missing:
                self._import(project, missing)
                present |= {task["data"]["key"] for task in missing}
                new += len(missing)
        if new:
            self._remove_repetitions(project)
        return new, there

    def _remove_repetitions(self, project: int) -> None:
        """Of several tasks of one key keep the oldest, and any that somebody has begun to judge."""
        seen: set[str] = set()
        for task in sorted(self.export(project), key=lambda task: task["id"]):
            key = str(task["data"].get("key"))
            if key in seen and not task["annotations"] and not task.get("drafts"):
                self.call("DELETE", f"/api/tasks/{task['id']}/")
            seen.add(key)

    def _import(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        left = list(tasks)
        for tries in range(1, _TRIES + 1):
            try:
                answer = self.call("POST", f"/api/projects/{project}/import", left, tries=1)
                if (taken := (answer or {}).get("task_count", len(left))) != len(left):
                    raise LabelStudioError(f"{self.url} took {taken} of {len(left)} tasks; push again")
                return
            except LabelStudioError as error:
                if tries == _TRIES or not error.transient:
                    raise
            time.sleep(2**tries)
            present = self.keys(project)
            left = [task for task in left if task["data"]["key"] not in present]
            if not left:
                return

    def keys(self, project: int) -> set[str]:
        """The `key` of every task of the project."""
        return {str(task["data"].get("key")) for task in self.export(project)}

    def export(self, project: int) -> list[dict[str, Any]]:
        """All tasks of the project with their annotations, in the format JSON."""
        from alignbench_tools.annotation.exports import checked

        path = f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true"
        return checked(self.call("GET", path), f"{self.url}{path}")

    def call(self, method: str, path: str, body: Any = None, tries: int = _TRIES) -> Any:
        """The JSON that the server answers; what may be a passing failure is tried again."""
        for attempt in range(1, tries + 1):
            try:
                return self._call(method, path, body)
            except LabelStudioError as error:
                if attempt == tries or not error.transient:
                    raise
                time.sleep(2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _call(self, method: str, path: str, body: Any) -> Any:
        try:
            return self._send(method, path, body, self._authorization())
        except _ExpiredError:
            self._access = None
            return self._send(method, path, body, self._authorization(), final=True)

    def _authorization(self) -> str:
        # A personal access token is a JWT that buys short-lived ones; a legacy token is forty hex digits.
        if self._token.count(".") != 2:
            return f"Token {self._token}"
        if self._access is None:
            answer = self._send("POST", "/api/token/refresh", {"refresh": self._token}, None, final=True)
            self._access = str(answer["access"])
        return f"Bearer {self._access}"

    def _send(self, method: str, path: str, body: Any, authorization: str | None, final: bool = False) -> Any:
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode("utf-8"), "application/json"
        if authorization:
            headers["Authorization"] = authorization
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        where = f"{method} {self.url}{path.partition('?')[0]}"
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 401 and not final and self._access:
                raise _ExpiredError from None
            raise _refusal(where, error) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise LabelStudioError(
                f"{where}: {getattr(error, 'reason', error)}; is the server up?", True
            ) from None
        try:
            return json.loads(text) if text.strip() else None
        except ValueError:
            raise LabelStudioError(
                f"{where}: the answer is no JSON; is this a Label Studio server?"
            ) from None


class _ExpiredError(Exception):
    pass


def _refusal(where: str, error: urllib.error.HTTPError) -> LabelStudioError:
    if 300 <= error.code < 400:
        return LabelStudioError(f"{where}: redirected to {error.headers.get('Location')}; give that address")
    if error.code in (401, 403):
        return LabelStudioError(
            f"{where}: the server answered {error.code}; check {TOKEN_VARIABLE}: a token of this server, not "
            "expired, of an account that may make projects"
        )
    detail = error.read(2000).decode("utf-8", "replace").strip()
    return LabelStudioError(
        f"{where}: the server answered {error.code}: {detail}", error.code in (429, 502, 503, 504)
    )


def _batches(tasks: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    size = 0
    for task in tasks:
        length = sum(len(value) for value in task["data"].values() if isinstance(value, str))
        if batch and (len(batch) == _BATCH_TASKS or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(task)
        size += length
    if batch:
        yield batch


def project_number(url: str) -> tuple[str, int | None]:
    """A server's address and the number of the project that `url` is a page of, if it is one."""
    parts = urllib.parse.urlsplit(url)
    head, found, tail = parts.path.partition("/projects/")
    number = tail.split("/")[0]
    server = urllib.parse.urlunsplit((parts.scheme, parts.netloc, head, "", ""))
    return (server, int(number)) if found and number.isdigit() else (url, None)
