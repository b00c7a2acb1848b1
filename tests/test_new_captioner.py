"""A new captioner from end to end: generated, judged, imported, merged, scored, reported, pushed."""

import io
import json
import random
import re

import datasets
import pytest
from PIL import Image

pytest.importorskip("inspect_ai", reason="the extra [vlm] is not installed")
pytest.importorskip("matplotlib", reason="the extra [report] is not installed")
pytest.importorskip("sentencex", reason="the extra [generation] is not installed")

from annotating import answer, task
from openai_stub import KEY, Stub, question
from pushing import local_client

from alignbench_tools import scores
from alignbench_tools.__main__ import main
from alignbench_tools.annotation.items import Round
from alignbench_tools.evaluate import evaluate
from alignbench_tools.generation import asking, pictures

NEW = "gemini-3"
SENTENCES = ("A dog sits on the grass.", "Two red cars stand behind it.", "It is late in the day.")

# What somebody without this package finds on the Hub.
PUSHED = f"""
import json
from datasets import load_dataset
rows = load_dataset("me/alignbench", split="test").remove_columns("image")
mine = [row["sentence"] for row in rows if row["captioner"] == "{NEW}"]
print(json.dumps({{"captioners": rows.unique("captioner"), "sentences": mine}}))
"""


def run(*words):
    assert main(list(map(str, words))) == 0


def generated(folder, photos, monkeypatch):
    """A collection of what a stub of a model says of the photos."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    shown, prompt = pictures.of_folder(photos, NEW), asking.load()
    replies = {question(prompt.template, shown.picture(each)): " ".join(SENTENCES) for each in shown}
    with Stub(replies, folder) as stub:
        options = [
            "--images",
            photos,
            "--captioner",
            NEW,
            "--model",
            "openai/gpt-4o",
            "--out",
            folder / "collection",
        ]
        run("generate", "captions", *options, "--base-url", stub.base_url)
    return folder / "collection"


def judged(folder, round_folder):
    """An export of three annotators, of whom the third is wrong about every tenth sentence."""
    rng = random.Random(3)
    tasks = []
    for item in Round.read(round_folder).items.values():
        right = truth(item)
        votes = [right, right, right if rng.random() > 0.1 else "unknown"]
        marks = [(0, 5, item.sentence[:5], "Object")]
        given = [answer(v, *(marks if v == "incorrect" else []), by=n) for n, v in enumerate(votes)]
        tasks.append(task(item, *given))
    (folder / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    return folder / "export.json"


def png(seed):
    data = io.BytesIO()
    Image.frombytes("RGB", (4, 4), random.Random(seed).randbytes(48)).save(data, "PNG")
    return data.getvalue()


def truth(item):
    """The right label: one sentence of each caption is wrong, another one in each."""
    return ("incorrect", "correct", "correct")[(item.sentence_index + int(item.image_name[-1])) % 3]


@pytest.fixture
def client(tmp_path):
    with local_client(tmp_path) as client:
        yield client


def test_a_new_captioner_gets_its_column(tmp_path, monkeypatch, client):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(8):
        (photos / f"photo{number}.png").write_bytes(png(number))
    collection = generated(tmp_path, photos, monkeypatch)

    run("annotate", "export", collection, "--out", tmp_path / "round", "--votes", 3)
    export = judged(tmp_path, tmp_path / "round")
    run("annotate", "import", tmp_path / "round", export, "--out", tmp_path / "new")
    run("verify", "--data-dir", tmp_path / "new", "--captioners", NEW)
    run("annotate", "merge", client.release, tmp_path / "new", "--out", tmp_path / "both")

    rows = datasets.load_dataset(
        "alignbench", data_dir=str(tmp_path / "both"), split="test", images="release"
    )
    mine = rows.filter(lambda row: row["captioner"] == NEW)
    assert mine.num_rows == 24
    assert mine["sentence"][:3] == list(SENTENCES)
    assert all(row["image"] is not None for row in mine)
    others = set(rows.unique("captioner")) - {NEW}

    run("score", "--data-dir", tmp_path / "both", "--model", "control/random", "--out", tmp_path / "s.jsonl")
    expected = evaluate(scores.read(tmp_path / "s.jsonl"), rows)["captioners"][NEW]["auroc"]
    assert abs(expected - 0.5) > 0.01
    options = ["--data-dir", tmp_path / "both", "--images", "skip", "--tables", tmp_path]
    run("report", tmp_path / "s.jsonl", *options, "--out", tmp_path / "report.html")
    head, line = (tmp_path / "leaderboard.csv").read_text().splitlines()[:2]
    assert NEW in head
    cell = line.split(",")[head.split(",").index(NEW)]
    assert float(cell) == pytest.approx(expected, abs=1e-9)
    assert re.search(rf"<th[^>]*>{NEW}</th>", (tmp_path / "report.html").read_text())

    client.release = tmp_path / "both"
    code, _, error = client.push()
    assert code == 0, error
    pushed = client.python(PUSHED)
    assert set(pushed["captioners"]) == others | {NEW}
    assert pushed["sentences"] == mine["sentence"][:]
