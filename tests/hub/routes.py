"""Routes of the local Hub for users, repositories and revisions, and the way to all others."""

from __future__ import annotations

import hashlib
import json
import re

from .files import PREFIXES, FileRoutes
from .store import HubError, Repo

TYPES = {"models": "model", "datasets": "dataset", "spaces": "space"}
VERBS = (
    "revision",
    "refs",
    "tree",
    "paths-info",
    "commits",
    "preupload",
    "commit",
    "branch",
    "tag",
    "settings",
    "resolve",
    "info",
    "xet-write-token",
)
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")


class Routes(FileRoutes):
    """Mixed into the request handler, which brings `server`, `query`, `body`, `unread` and `send_*`."""

    def route(self, parts: list[str]) -> None:
        if parts[0] == "lfs" and len(parts) == 2:
            self.lfs_object(parts[1])
        elif parts[0] == "v1":
            self.cas(parts[1:])
        elif parts[:2] == ["api", "whoami-v2"]:
            self.whoami()
        elif parts == ["api", "validate-yaml"]:
            self.validate_yaml()
        elif parts[:2] == ["api", "repos"] and parts[2:] in (["create"], ["delete"]):
            self.create_repo() if parts[2] == "create" else self.delete_repo()
        elif parts[0] == "api" and len(parts) > 2 and parts[1] in TYPES:
            self.api(TYPES[parts[1]], parts[2:])
        else:
            type_ = TYPES.get(parts[0], "model")
            self.repo_file(type_, parts[1:] if parts[0] in TYPES else parts)

    # who is asking

    def user(self) -> tuple[str | None, str]:
        """Name and role (`read`, `write`) of the sender; name None without a token."""
        header = self.headers.get("Authorization", "")
        if not header:
            if self.server.require_token:
                raise HubError(401, "Invalid username or password.", "RepoNotFound")
            return None, "read"
        if header.removeprefix("Bearer ") not in self.server.tokens:
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.server.tokens[header.removeprefix("Bearer ")]

    def readable(self, type_: str, id_: str, content: bool = False) -> Repo:
        """The repository, if the sender may see it (its files, with `content`)."""
        name, _ = self.user()
        repo = self.server.store.find(type_, id_)
        if repo is None or (repo.private and name != repo.owner):
            # Clients take a bare 401 for a missing repository, but only under https: the code says it here.
            status, message = (
                (401, "Invalid username or password.") if name is None else (404, "Repository not found")
            )
            raise HubError(status, message, "RepoNotFound")
        if content and repo.gated_for is not None and name not in (repo.owner, *repo.gated_for):
            status = 401 if name is None else 403
            raise HubError(status, f"Access to {type_} {id_} is restricted.", "GatedRepo")
        return repo

    def check_write(self, owner: str) -> None:
        name, role = self.user()
        if name is None:
            raise HubError(401, "Invalid username or password.")
        if role != "write" or name != owner:
            raise HubError(403, f"Forbidden: this token has no write access to {owner}/")

    def whoami(self) -> None:
        name, role = self.user()
        if name is None:
            raise HubError(401, "Invalid username or password.")
        token = {"displayName": "test", "role": role}
        self.send_answer(
            200,
            {
                "type": "user",
                "id": name,
                "name": name,
                "fullname": name,
                "orgs": [],
                "auth": {"type": "access_token", "accessToken": token},
            },
        )

    # repositories

    def _named(self) -> tuple[str, str, dict]:
        asked = json.loads(self.body())
        name, _ = self.user()
        owner = asked.get("organization") or name or ""
        self.check_write(owner)
        if not NAME.fullmatch(asked["name"]) or "--" in asked["name"] or ".." in asked["name"]:
            raise HubError(400, f"Invalid repository name {asked['name']!r}")
        return asked.get("type") or "model", f"{owner}/{asked['name']}", asked

    def create_repo(self) -> None:
        type_, id_, asked = self._named()
        url = f"{self.server.url}/{PREFIXES[type_]}{id_}"
        if self.server.store.find(type_, id_):
            self.send_answer(409, {"error": f"You already created this {type_} repo", "url": url})
            return
        if type_ == "space" and not asked.get("sdk"):
            raise HubError(400, "sdk is required for a space")
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.server.store.create(type_, id_, private, asked.get("sdk"))
        self.send_answer(200, {"url": url, "name": id_, "id": id_})

    def delete_repo(self) -> None:
        type_, id_, _ = self._named()
        self.server.store.delete(self.readable(type_, id_))
        self.send_answer(200, {})

    def api(self, type_: str, parts: list[str]) -> None:
        name_parts = 1 if len(parts) == 1 or parts[1] in VERBS else 2
        repo = self.readable(type_, "/".join(parts[:name_parts]))
        verb = parts[name_parts] if len(parts) > name_parts else "info"
        answer = getattr(self, f"api_{verb.replace('-', '_')}", None)
        if answer is None:
            raise HubError(404, f"The local Hub has no route {verb}")
        answer(repo, parts[name_parts + 1 :])

    def api_info(self, repo: Repo, rest: list[str]) -> None:
        self._send_info(repo, repo.commit_of("main"))

    def api_revision(self, repo: Repo, rest: list[str]) -> None:
        self._send_info(repo, repo.commit_of("/".join(rest)))

    def _send_info(self, repo: Repo, commit: dict) -> None:
        siblings = []
        for path, entry in sorted(commit["files"].items()):
            file = {"rfilename": path, "blobId": entry["oid"], "size": entry["size"]}
            if entry["lfs"]:
                file["lfs"] = {"sha256": entry["blob"], "size": entry["size"], "pointerSize": 130}
            siblings.append(file)
        info = {
            "_id": hashlib.sha1(repo.id.encode()).hexdigest()[:24],
            "id": repo.id,
            "author": repo.owner,
            "sha": commit["oid"],
            "lastModified": commit["date"],
            "createdAt": commit["date"],
            "private": repo.private,
            "gated": "auto" if repo.gated_for is not None else False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": siblings,
        }
        if repo.type == "space":
            info["sdk"] = repo.sdk
        self.send_answer(200, info)

    def api_refs(self, repo: Repo, rest: list[str]) -> None:
        def listed(refs: dict[str, str], kind: str) -> list[dict]:
            return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": sha} for n, sha in refs.items()]

        answer = {
            "branches": listed(repo.branches, "heads"),
            "tags": listed(repo.tags, "tags"),
            "converts": [],
        }
        if self.query.get("include_prs"):
            answer["pullRequests"] = listed(repo.pulls, "pr")
        self.send_answer(200, answer)

    def api_branch(self, repo: Repo, rest: list[str]) -> None:
        self._change_ref(
            repo, repo.branches, "/".join(rest), (json.loads(self.body() or b"{}")).get("startingPoint")
        )

    def api_tag(self, repo: Repo, rest: list[str]) -> None:
        if self.command == "DELETE":
            self._change_ref(repo, repo.tags, "/".join(rest), None)
        else:
            self._change_ref(repo, repo.tags, json.loads(self.body())["tag"], "/".join(rest))

    def _change_ref(self, repo: Repo, refs: dict[str, str], name: str, start: str | None) -> None:
        self.check_write(repo.owner)
        with self.server.store.lock:
            if self.command == "DELETE":
                if refs.pop(name, None) is None:
                    raise HubError(404, f"No reference {name}", "RevisionNotFound")
            elif name in refs:
                raise HubError(409, "Reference already exists")
            else:
                refs[name] = repo.commit_of(start or "main")["oid"]
            self.server.store.save(repo)
        self.send_answer(200, {})

    def api_commits(self, repo: Repo, rest: list[str]) -> None:
        self.send_answer(
            200,
            [
                {
                    "id": commit["oid"],
                    "title": commit["title"],
                    "message": commit["message"],
                    "authors": [{"user": repo.owner}],
                    "date": commit["date"],
                }
                for commit in repo.history("/".join(rest))
            ],
        )

    def api_settings(self, repo: Repo, rest: list[str]) -> None:
        self.check_write(repo.owner)
        asked = json.loads(self.body())
        with self.server.store.lock:
            repo.private = (
                asked.get("visibility", "private" if asked.get("private") else "public") == "private"
            )
            self.server.store.save(repo)
        self.send_answer(200, {})
