"""For the tests of annotation: collections, answers as Label Studio exports them, and a server in memory."""

import http.server
import json
import re
from pathlib import Path

from releases import noise

from alignbench_tools.__main__ import main
from alignbench_tools.annotation.items import Round

TOKEN = "0" * 39 + "a"


def cut(caption, *sentences):
    """Cuts of `caption` into `sentences`, in order."""
    cuts, at = [], 0
    for text in sentences:
        start = caption.index(text, at)
        at = start + len(text)
        cuts.append({"start": start, "end": at, "text": text})
    return cuts


def record(number=0, captioner="newmodel", **changes):
    """A line of captions.jsonl: three sentences about picture `number`."""
    sentences = ("😀 Two red cars stand here.", "A dog sits on a wall.", "It is late.")
    caption = " ".join(sentences)
    line = {
        "image": f"images/{number}.png",
        "image_name": f"p{number}",
        "image_source": "own",
        "domain": "Street",
        "captioner": captioner,
        "caption": caption,
        "sentences": cut(caption, *sentences),
    }
    return {**line, **changes}


def write_collection(folder: Path, *records):
    """A folder as `alignbench generate captions` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    for line in records:
        image = line.get("image")
        if image and not image.startswith("http"):
            noise(folder / image, 1, side=8)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in records)
    (folder / "captions.jsonl").write_text(text, encoding="utf-8")
    return folder


def answer(choice, *marks, by=1, number=None, updated="2026-01-01T00:00:00.000000Z", **changes):
    """An annotation as it stands in an export; marks are (start, end, text, type)."""
    result = [
        {"from_name": "label", "to_name": "sentence", "type": "choices", "value": {"choices": [choice]}}
    ]
    for start, end, text, kind in marks:
        value = {"start": start, "end": end, "text": text, "labels": [kind] if kind else []}
        result.append({"from_name": "types", "to_name": "sentence", "type": "labels", "value": value})
    return {
        "id": number,
        "unique_id": None if number is None else f"u{number}",
        "completed_by": by,
        "result": result,
        "was_cancelled": False,
        "updated_at": updated,
        **changes,
    }


def task(item, *annotations, **changes):
    """A task of an export with its annotations, numbered where they have no number."""
    given = []
    for place, annotation in enumerate(annotations):
        name = f"{item.key}-{changes.get('round', 1)}-{place}"
        given.append({**annotation, "unique_id": annotation["unique_id"] or name})
    data = {"key": item.key, "round": changes.get("round", 1), "sentence": item.sentence}
    return {"id": 1, "project": 1, "data": {**data, **changes}, "annotations": given, "drafts": []}


def make_release_of(out: Path, captions: int):
    """A release of `captions` captions of three sentences each, on which two annotators agreed."""
    folder = out.with_name(f"{out.name}-made")
    collection = write_collection(folder / "collection", *(record(n) for n in range(captions)))
    assert main(["annotate", "export", str(collection), "--votes", "2", "--out", str(folder / "round")]) == 0
    items = Round.read(folder / "round").items.values()
    tasks = [task(item, answer("correct", by=1), answer("correct", by=2)) for item in items]
    (folder / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    command = ["annotate", "import", str(folder / "round"), str(folder / "export.json"), "--out", str(out)]
    assert main(command) == 0


class LabelStudioStub(http.server.BaseHTTPRequestHandler):
    """The few endpoints that are used, in memory on `server.projects`, with failures on order.

    `server.fail` maps a method and path (regular expression) to what happens next there, in turn: a status,
    "lost" (done, but the connection breaks before the answer), "twice" (done twice) or "redirect".
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.route()

    def do_POST(self):
        self.route()

    def do_DELETE(self):
        self.route()

    def route(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.paths.append((self.command, self.path, self.headers.get("Authorization")))
        failure = self.failure()
        if isinstance(failure, int):
            return self.reply(failure, {"detail": "as ordered"})
        if failure == "redirect":
            return self.reply(302, None, {"Location": "http://elsewhere.invalid/"})
        if self.path == "/api/token/refresh":
            return self.reply(200, {"access": f"access{len(self.server.paths)}"})
        if not re.fullmatch(self.server.accepted, self.headers.get("Authorization") or ""):
            return self.reply(401, {"detail": "Invalid token."})
        for _ in range(2 if failure == "twice" else 1):
            answered = self.answered(json.loads(body) if body else None)
        if failure == "lost":
            self.close_connection = True
            return self.connection.close()
        return self.reply(*answered)

    def failure(self):
        for pattern, failures in self.server.fail.items():
            if failures and re.fullmatch(pattern, f"{self.command} {self.path.partition('?')[0]}"):
                return failures.pop(0)
        return None

    def answered(self, body):
        projects, path = self.server.projects, self.path.partition("?")[0]
        if path == "/api/projects/" and self.command == "POST":
            projects.append({**body, "id": len(projects) + 1, "tasks": []})
            return 201, {"id": len(projects)}
        if path == "/api/projects/":
            page = int(re.search(r"page=(\d+)", self.path)[1])
            found = [{"id": p["id"], "description": p["description"]} for p in projects[page - 1 : page]]
            return 200, {"results": found, "next": "more" if page < len(projects) else None}
        number = int(path.split("/")[3])
        if self.command == "DELETE":
            for project in projects:
                project["tasks"] = [task for task in project["tasks"] if task["id"] != number]
            return 204, None
        project = projects[number - 1]
        if path.endswith("/import"):
            for task in body:
                project["tasks"].append({"id": next(self.server.numbers), "annotations": [], **task})
            return 201, {"task_count": len(body)}
        return 200, project["tasks"]

    def reply(self, status, value, headers=()):
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in dict(headers).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass
