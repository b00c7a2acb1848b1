"""Routes of the local Hub that list, take in and hand out files."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import time
from urllib.parse import parse_qs, urlencode

import yaml

from . import xet
from .store import HubError, Repo, wants_lfs

PREFIXES = {"model": "", "dataset": "datasets/", "space": "spaces/"}
PAGE = 1000


class FileRoutes:
    """Mixed into the request handler, which brings `server`, `query`, `body`, `unread`, `send_*`, `user`."""

    # listings

    def api_tree(self, repo: Repo, rest: list[str]) -> None:
        commit, folder = repo.commit_of(rest[0]), "/".join(rest[1:])
        prefix = f"{folder}/" if folder else ""
        inside = {p: e for p, e in commit["files"].items() if p.startswith(prefix)}
        if folder and not inside:
            raise HubError(404, f"{folder} does not exist on {rest[0]}", "EntryNotFound")
        recursive = self.query.get("recursive", "").lower() in ("true", "1")
        nodes, folders = [], set()
        for path, entry in sorted(inside.items()):
            steps = path[len(prefix) :].split("/")
            folders.update(
                prefix + "/".join(steps[:n])
                for n in range(1, len(steps) if recursive else 2)
                if n < len(steps)
            )
            if recursive or len(steps) == 1:
                nodes.append(self._file_node(repo, path, entry))
        nodes = [self._folder_node(commit, path) for path in sorted(folders)] + nodes
        start = int(self.query.get("cursor", 0))
        headers = {}
        if start + PAGE < len(nodes):
            following = urlencode({**self.query, "cursor": start + PAGE})
            headers["Link"] = f'<{self.server.url}{self.path.partition("?")[0]}?{following}>; rel="next"'
        self.send_answer(200, nodes[start : start + PAGE], headers)

    def api_paths_info(self, repo: Repo, rest: list[str]) -> None:
        body = self.body().decode()
        asked = json.loads(body) if body.startswith("{") else parse_qs(body)
        self.query.setdefault("expand", str(asked.get("expand", "")))
        commit = repo.commit_of("/".join(rest))
        nodes = []
        for path in (p.strip("/") for p in asked.get("paths", [])):
            if path in commit["files"]:
                nodes.append(self._file_node(repo, path, commit["files"][path]))
            elif any(p.startswith(f"{path}/") for p in commit["files"]):
                nodes.append(self._folder_node(commit, path))
        self.send_answer(200, nodes)

    def _expanded(self) -> bool:
        return "true" in self.query.get("expand", "").lower()

    def _file_node(self, repo: Repo, path: str, entry: dict) -> dict:
        node = {"type": "file", "path": path, "size": entry["size"], "oid": entry["oid"]}
        if entry["lfs"]:
            node["lfs"] = {"oid": entry["blob"], "size": entry["size"], "pointerSize": 130}
        if self._expanded():
            commit = repo.commits[entry["commit"]]
            node["lastCommit"] = {"id": commit["oid"], "title": commit["title"], "date": commit["date"]}
            node["securityFileStatus"] = {"status": "safe", "avScan": None, "pickleImportScan": None}
        return node

    def _folder_node(self, commit: dict, path: str) -> dict:
        node = {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(path.encode()).hexdigest()}
        if self._expanded():
            node["lastCommit"] = {"id": commit["oid"], "title": commit["title"], "date": commit["date"]}
        return node

    # writing

    def api_preupload(self, repo: Repo, rest: list[str]) -> None:
        if not self.query.get("create_pr"):
            self.check_write(repo.owner)
        files = repo.commit_of("/".join(rest))["files"]
        answer = []
        for file in json.loads(self.body())["files"]:
            mode = "lfs" if wants_lfs(file["path"], file["size"]) else "regular"
            entry = files.get(file["path"])
            oid = entry and (entry["blob"] if entry["lfs"] else entry["oid"])
            answer.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.send_answer(200, {"files": answer})

    def lfs_batch(self, type_: str, id_: str) -> None:
        repo = self.readable(type_, id_)
        if self.user()[0] is None:
            self.check_write(repo.owner)
        asked_for = json.loads(self.body())
        if "xet" in asked_for.get("transfers", ()):
            media = {"Content-Type": "application/vnd.git-lfs+json"}
            self.send_answer(200, {"transfer": "xet", "objects": asked_for["objects"]}, media)
            return
        objects = []
        for asked in asked_for["objects"]:
            answer = {"oid": asked["oid"], "size": asked["size"], "authenticated": True}
            if not self.server.store.blob(asked["oid"]).exists():
                answer["actions"] = {
                    "upload": {"href": f"{self.server.url}/lfs/{asked['oid']}", "header": {}}
                }
            objects.append(answer)
        media = {"Content-Type": "application/vnd.git-lfs+json"}
        self.send_answer(200, {"transfer": "basic", "objects": objects}, media)

    def lfs_object(self, sha256: str) -> None:
        if self.command != "PUT" or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise HubError(404, "not found")
        self.server.store.add_blob(self.unread, expected=sha256)
        self.send_answer(200, b"", {"ETag": f'"{sha256}"'})

    def api_xet_write_token(self, repo: Repo, rest: list[str]) -> None:
        self.check_write(repo.owner)
        info = {"casUrl": self.server.url, "accessToken": "xet", "exp": int(time.time()) + 3600}
        headers = {"X-Xet-Cas-Url": info["casUrl"], "X-Xet-Access-Token": info["accessToken"]}
        self.send_answer(200, info, {**headers, "X-Xet-Token-Expiration": str(info["exp"])})

    def cas(self, parts: list[str]) -> None:
        """Xet's content-addressed storage: xorbs and shards come in, no chunk is known globally."""
        store = self.server.store
        if self.command == "POST" and parts[0] == "xorbs":
            sha256, _ = store.add_blob(self.unread)
            os.replace(store.blob(sha256), xet.xorb_path(store, parts[-1]))
            self.send_answer(200, {"was_inserted": True})
        elif self.command == "POST" and parts[0] == "shards":
            xet.add_shard(store, self.body())
            self.send_answer(200, {"result": 1})
        else:
            raise HubError(404, "not found")

    def api_commit(self, repo: Repo, rest: list[str]) -> None:
        pull = bool(self.query.get("create_pr"))
        if not pull:
            self.check_write(repo.owner)
        elif self.user()[0] is None:
            raise HubError(401, "Invalid username or password.")
        header: dict = {}
        changes: dict[str, dict | None] = {}
        base = repo.commit_of("/".join(rest))["files"]
        for line in self.body().splitlines():
            action = json.loads(line)
            value = action["value"]
            match action["key"]:
                case "header":
                    header = value
                case "file":
                    changes[value["path"]] = self.server.store.regular_entry(
                        base64.b64decode(value["content"])
                    )
                case "lfsFile":
                    changes[value["path"]] = self.server.store.lfs_entry(value["oid"], value["size"])
                case "deletedFile":
                    changes[value["path"]] = None
                case "deletedFolder":
                    folder = value["path"].rstrip("/") + "/"
                    changes.update({path: None for path in base if path.startswith(folder)})
        sha, number = self.server.store.commit(
            repo,
            "/".join(rest),
            changes,
            header.get("summary", ""),
            header.get("description", ""),
            parent=header.get("parentCommit"),
            pull=pull,
        )
        url = f"{self.server.url}/{PREFIXES[repo.type]}{repo.id}"
        answer = {"success": True, "commitOid": sha, "commitUrl": f"{url}/commit/{sha}", "hookOutput": ""}
        if number:
            answer["pullRequestUrl"] = f"{url}/discussions/{number}"
        self.send_answer(200, answer)

    def validate_yaml(self) -> None:
        content, errors = json.loads(self.body())["content"], []
        front = re.match(r"---\r?\n(.*?)\r?\n---", content, re.S)
        try:
            if front:
                yaml.safe_load(front.group(1))
        except yaml.YAMLError as error:
            errors.append({"message": str(error)})
        self.send_answer(400 if errors else 200, {"errors": errors, "warnings": []})

    # reading

    def repo_file(self, type_: str, parts: list[str]) -> None:
        """`[owner/]name/resolve/revision/path` and `[owner/]name.git/info/lfs/objects/batch`."""
        if parts[-4:] == ["info", "lfs", "objects", "batch"]:
            self.lfs_batch(type_, "/".join(parts[:-4]).removesuffix(".git"))
            return
        at = parts.index("resolve") if "resolve" in parts[1:3] else 0
        if not at or len(parts) < at + 3:
            raise HubError(404, "not found")
        repo = self.readable(type_, "/".join(parts[:at]), content=True)
        commit, path = repo.commit_of(parts[at + 1]), "/".join(parts[at + 2 :])
        headers = {"X-Repo-Commit": commit["oid"]}
        entry = commit["files"].get(path)
        if entry is None:
            headers.update({"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
            self.send_answer(404, {"error": "Entry not found"}, headers)
            return
        headers["ETag"] = f'"{entry["blob"] if entry["lfs"] else entry["oid"]}"'
        if entry["lfs"]:
            headers.update({"X-Linked-ETag": f'"{entry["blob"]}"', "X-Linked-Size": str(entry["size"])})
        self.send_file(self.server.store.blob(entry["blob"]), headers)
