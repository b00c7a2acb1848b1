"""60 sentences judged by five simulated annotators on a real Label Studio server, and what comes of it.

    pip install -e '.[annotation]'
    python -m venv ls && ls/bin/pip install label-studio    # 1 GB, in an environment of its own
    python examples/annotate_with_label_studio.py ls/bin/label-studio

Starts the server on loopback with a fresh data folder; nothing leaves the machine. Sentences of the embedded
sample go in by `alignbench annotate export` and `push`; the annotators sign up and answer through the API,
each with an error rate of its own; `import`, `adjudicate` and a second `import` follow. Labels, spans and
kappa are then computed again from what was sent, without this package, and must be equal.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import http.cookiejar
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OWNER, PASSWORD = "owner@example.org", "loopback only"
ERROR_RATES = (0.02, 0.1, 0.2, 0.3, 0.45)
CHOICES = ("correct", "incorrect", "unknown")
TYPES = ("Attribute", "Object", "Number", "Location", "Direction", "Relation", "Text", "Illusion", "Other")

Answer = tuple[str, list[tuple[int, int, str]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("label_studio", help="the command label-studio")
    parser.add_argument("--keep", type=Path, help="folder for the exports and the answers that were sent")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, server(args.label_studio, Path(name)) as url:
        run(url, Path(name), args.keep)


def run(url: str, folder: Path, keep: Path | None) -> None:
    """Everything from the first export to the release after adjudication."""
    owner = Account(url, OWNER)
    os.environ["LABEL_STUDIO_API_KEY"] = owner.personal_access_token()
    write_collection(folder / "collection", sentences=60)
    first, second = folder / "round1", folder / "round2"
    alignbench("export", folder / "collection", "--votes", len(ERROR_RATES), "--out", first)
    alignbench("push", url, first)
    alignbench("push", url, first)
    tasks = {task["data"]["key"]: task for task in owner.tasks(1)}
    assert len(tasks) == 60, f"60 sentences went in, {len(tasks)} tasks are there"

    known = truth(first)
    accounts = [Account(url, f"annotator{n}@example.org", owner.invitation()) for n in range(1, 6)]
    sent = [judge_all(who, tasks, known, rate) for who, rate in zip(accounts, ERROR_RATES, strict=True)]
    alignbench("import", first, url, "--out", folder / "release")
    verdicts = {key: verdict(tasks[key]["data"]["sentence"], [given[key] for given in sent]) for key in tasks}
    compare(folder / "release", first, verdicts, sent)

    alignbench("adjudicate", first, url, "--out", second)
    alignbench("push", url, second)
    doubtful = {task["data"]["key"]: task for task in owner.tasks(2)}
    decided = {key: owner.answer(task, known[key]) for key, task in doubtful.items()}
    alignbench("import", first, f"{url}/projects/2", f"{url}/projects/1", "--out", folder / "adjudicated")
    compare(folder / "adjudicated", first, {**verdicts, **decided}, sent)
    ties = sum(label == "unknown" and key in decided for key, (label, _) in verdicts.items())
    print(f"adjudicated: {len(decided)} sentences, of which {ties} were tied; all as the adjudicator said")
    if keep:
        save(keep, folder, owner, sent)


def write_collection(folder: Path, sentences: int) -> None:
    """Captions of the embedded sample as `alignbench generate captions` leaves them, up to `sentences`."""
    from importlib.resources import files

    from datasets import load_dataset

    import alignbench as _  # noqa: F401 - registers the name

    folder.mkdir()
    (folder / "images").symlink_to(Path(str(files("alignbench_sample"))) / "images")
    captions: dict[tuple[str, str], list[dict[str, Any]]] = {}
    rows = sorted(
        load_dataset("alignbench", "sample", split="test", images="skip"), key=lambda r: r["image_id"]
    )
    for row in rows[:sentences]:
        captions.setdefault((row["captioner"], row["image_id"]), []).append(row)
    paths = {path.stem: path for path in (folder / "images").rglob("*.png")}
    with (folder / "captions.jsonl").open("w", encoding="utf-8") as file:
        for (captioner, image), rows in captions.items():
            caption = " ".join(row["sentence"] for row in rows)
            cuts: list[dict[str, Any]] = []
            for row in rows:
                at = caption.index(row["sentence"], cuts[-1]["end"] if cuts else 0)
                cuts.append({"start": at, "end": at + len(row["sentence"]), "text": row["sentence"]})
            record = {
                "image": str(paths[image].relative_to(folder)),
                "image_name": image,
                "image_source": "drawn",
                "domain": rows[0]["domain"],
                "captioner": captioner,
                "caption": caption,
                "sentences": cuts,
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def truth(first: Path) -> dict[str, Answer]:
    """What is right of each sentence by the sample's own labels, by key of its task."""
    from datasets import load_dataset

    rows = load_dataset("alignbench", "sample", split="test", images="skip")
    known = {}
    for row in rows:
        marks = [(span["start"], span["end"], TYPES[span["type"]]) for span in row["spans"]]
        known[row["id"]] = (rows.features["label"].int2str(row["label"]), marks)
    return {key: known[name] for key, name in names(first).items()}


def names(first: Path) -> dict[str, str]:
    """Id of each sentence by the key of its task, joined by the sentence's text and place."""
    items = [json.loads(line) for line in (first / "items.jsonl").read_text("utf-8").splitlines()]
    tasks = [
        json.loads(line.strip("[,]\n"))
        for line in (first / "tasks.json").open(encoding="utf-8")
        if "{" in line
    ]
    pairs = zip(tasks, items, strict=True)
    return {
        task["data"]["key"]: f"{item['model']}/{item['image_name']}/{item['sentence_index']}"
        for task, item in pairs
    }


# --- the annotators --------------------------------------------------------------------------


class Account:
    """Somebody with an account: signs up where invited, logs in, and works through the API."""

    def __init__(self, url: str, email: str, invitation: str | None = None) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.form(invitation or "/user/login/", {"email": email, "password": PASSWORD})

    def form(self, path: str, fields: dict[str, str]) -> None:
        page = self.opener.open(self.url + path).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, f"no form at {path}"
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token[1]}).encode()
        self.opener.open(urllib.request.Request(self.url + path, body, {"Referer": self.url + path})).read()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        headers = {"Content-Type": "application/json", "X-CSRFToken": token or "", "Referer": self.url}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with self.opener.open(request) as answer:
            return json.load(answer)

    def personal_access_token(self) -> str:
        return self.call("POST", "/api/token/", {})["token"]

    def invitation(self) -> str:
        return self.call("GET", "/api/invite")["invite_url"]

    def tasks(self, project: int) -> list[dict[str, Any]]:
        return self.call("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")

    def answer(self, task: dict[str, Any], answer: Answer, annotation: int | None = None) -> Answer:
        """Send an answer as the labelling page does, or change the one that was sent."""
        choice, marks = answer
        tags = {"from_name": "label", "to_name": "sentence", "type": "choices"}
        result = [{**tags, "value": {"choices": [choice]}}]
        for start, end, kind in marks:
            text = task["data"]["sentence"][start:end]
            tags = {"from_name": "types", "to_name": "sentence", "type": "labels"}
            result.append({**tags, "value": {"start": start, "end": end, "text": text, "labels": [kind]}})
        if annotation is None:
            made = self.call("POST", f"/api/tasks/{task['id']}/annotations/", {"result": result})
            self.last = made["id"]
        else:
            self.call("PATCH", f"/api/annotations/{annotation}/", {"result": result})
        return answer


def judge_all(
    who: Account, tasks: dict[str, dict[str, Any]], known: dict[str, Answer], rate: float
) -> dict[str, Answer]:
    """Judge every task in an order of one's own, and every twelfth again; what was sent last, by key."""
    rng = random.Random(rate)
    sent = {}
    for number, key in enumerate(rng.sample(sorted(tasks), len(tasks))):
        sent[key] = who.answer(tasks[key], opinion(rng, tasks[key]["data"]["sentence"], known[key], rate))
        if number % 12 == 0:
            again = opinion(rng, tasks[key]["data"]["sentence"], known[key], rate)
            sent[key] = who.answer(tasks[key], again, who.last)
    return sent


def opinion(rng: random.Random, sentence: str, known: Answer, rate: float) -> Answer:
    """`known`, or with probability `rate` another choice, and with as much other words or types."""
    choice, marks = known
    if rng.random() < rate:
        choice = rng.choice([other for other in CHOICES if other != choice])
    if choice != "incorrect":
        return choice, []
    if marks and rng.random() >= rate:
        return choice, marks
    words = Counter(re.findall(r"\w+", sentence))
    word = rng.choice(sorted(word for word, count in words.items() if count == 1))
    match = re.search(rf"\b{word}\b", sentence)
    assert match
    return choice, [(match.start(), match.end(), rng.choice(TYPES))]


# --- the same computed again ------------------------------------------------------------------


def verdict(sentence: str, answers: list[Answer]) -> Answer:
    """Label and spans by the written rule, character by character."""
    ranked = Counter(choice for choice, _ in answers).most_common()
    label = "unknown" if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else ranked[0][0]
    objecting = [marks for choice, marks in answers if choice == "incorrect"]
    if label != "incorrect":
        return label, []
    overall = Counter(kind for marks in objecting for _, _, kind in marks)
    kinds: list[str | None] = []
    for at in range(len(sentence)):
        here = [{kind for start, end, kind in marks if start <= at < end} for marks in objecting]
        given = Counter(kind for found in here for kind in found)
        wrong = sum(map(bool, here)) > len(objecting) / 2
        best = sorted(given, key=lambda kind: (-given[kind], -overall[kind], TYPES.index(kind)))
        kinds.append(best[0] if wrong else None)
    spans: list[tuple[int, int, str]] = []
    for at, kind in enumerate(kinds):
        if kind and at and kinds[at - 1] == kind:
            spans[-1] = (spans[-1][0], at + 1, kind)
        elif kind:
            spans.append((at, at + 1, kind))
    return label, spans


def kappa(votes: list[Counter[str]]) -> tuple[float, float, float]:
    """Fleiss' kappa, P_bar and P_e, as in Fleiss (1971)."""
    n = [sum(count.values()) for count in votes]
    agreeing = [
        sum(c * (c - 1) for c in count.values()) / (raters * (raters - 1))
        for count, raters in zip(votes, n, strict=True)
    ]
    p_bar = sum(agreeing) / len(agreeing)
    p_e = sum((sum(count[choice] for count in votes) / sum(n)) ** 2 for choice in CHOICES)
    return (p_bar - p_e) / (1 - p_e), p_bar, p_e


def compare(release: Path, first: Path, verdicts: dict[str, Answer], sent: list[dict[str, Answer]]) -> None:
    """The release must be `verdicts` sentence by sentence, and its kappa that of the answers."""
    from datasets import load_dataset

    name_of = names(first)
    rows = load_dataset("alignbench", data_dir=str(release), split="test")
    by_id = {row["id"]: row for row in rows}
    assert set(by_id) == set(name_of.values())
    for key, (label, spans) in verdicts.items():
        row = by_id[name_of[key]]
        found = [(span["start"], span["end"], TYPES[span["type"]]) for span in row["spans"]]
        assert rows.features["label"].int2str(row["label"]) == label, (row["id"], label)
        assert found == spans, (row["id"], found, spans)
        assert row["image"] is not None
        assert Counter(row["votes"]) == Counter(given[key][0] for given in sent), row["id"]
    with (release / "fleiss_by_model.csv").open() as file:
        for line in csv.DictReader(file):
            keys = [key for key, name in name_of.items() if name.startswith(f"{line['model']}/")]
            expected = kappa([Counter(given[key][0] for given in sent) for key in keys])
            figures = [float(line[name]) for name in ("kappa", "P_bar", "P_e")]
            assert all(abs(a - b) < 1e-12 for a, b in zip(figures, expected, strict=True)), line
            print(f"{line['model']}: {line['N_items']} sentences, kappa {expected[0]:.4f} twice")


def save(keep: Path, folder: Path, owner: Account, sent: list[dict[str, Answer]]) -> None:
    """The round, both exports and what was sent, without the embedded pictures."""
    keep.mkdir(parents=True, exist_ok=True)
    for number in (1, 2):
        tasks = owner.tasks(number)
        for task in tasks:
            task["data"]["image"] = "left out"
        text = json.dumps(tasks, ensure_ascii=False, indent=None, separators=(",", ":"))
        (keep / f"export{number}.json").write_text(text + "\n", encoding="utf-8")
    for name in ("items.jsonl", "round.json"):
        (keep / name).write_bytes((folder / "round1" / name).read_bytes())
    (keep / "sent.json").write_text(json.dumps(sent, separators=(",", ":")) + "\n", encoding="utf-8")


# --- the server and the command ---------------------------------------------------------------


@contextlib.contextmanager
def server(command: str, folder: Path) -> Iterator[str]:
    """A server with its data in `folder`, that calls nobody: its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    silent = {
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
    }
    settings = {
        **silent,
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "server"),
        "LABEL_STUDIO_USERNAME": OWNER,
        "LABEL_STUDIO_PASSWORD": PASSWORD,
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
    }
    call = [command, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(call, env={**os.environ, **settings}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait(url, process, folder / "server.log")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    began = time.monotonic()
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/health", timeout=5).read()
            print(f"Label Studio is up after {time.monotonic() - began:.0f} s")
            return
        if process.poll() is not None or time.monotonic() - began > 300:
            sys.exit(f"the server did not start:\n{log.read_text()[-2000:]}")
        time.sleep(1)


def alignbench(*words: Any) -> None:
    """Run `alignbench annotate`."""
    command = [sys.executable, "-m", "alignbench_tools", "annotate", *map(str, words)]
    print("$ alignbench annotate", words[0])
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
