"""`alignbench generate`: every picture captioned once whatever fails, refusals kept as such, cuts stored."""

import asyncio
import base64
import io
import json
import os
import random
import signal
import subprocess
import sys
import time

import datasets
import pytest
from PIL import Image

pytest.importorskip("inspect_ai", reason="the extra [vlm] is not installed")
pytest.importorskip("sentencex", reason="the extra [generation] is not installed")

from openai_stub import KEY, Stub, question

import alignbench_tools.__main__ as command
from alignbench_tools.annotation.sources import read_collection
from alignbench_tools.generation import asking, collection, drawing, pictures

PROMPT = asking.load()
CAPTION = "A red square is shown. It fills Mr. Smith's picture.\n- Nothing else is there."


def png(seed):
    """A tiny picture of its own for each seed."""
    data = io.BytesIO()
    Image.frombytes("RGB", (4, 4), random.Random(seed).randbytes(48)).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def folder(tmp_path):
    """40 pictures in two folders."""
    for number in range(40):
        path = tmp_path / "photos" / f"set{number % 2}" / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return tmp_path / "photos"


def replies(folder, odd=None):
    """A caption for every picture, and what `odd` says for some, by name."""
    shown = pictures.of_folder(folder, "new")
    said = {picture.name: f"{CAPTION} It is number {picture.name}." for picture in shown.pictures} | (
        odd or {}
    )
    return {question(PROMPT.template, shown.picture(each)): said[each.image_id] for each in shown}


@pytest.fixture
def served(tmp_path):
    running = []

    def serve(answers, **faults):
        running.append(Stub(answers, tmp_path, faults=faults))
        return running[-1].__enter__()

    yield serve
    for stub in running:
        stub.__exit__()


def arguments(stub, folder, out, *more):
    options = ["--images", folder, "--captioner", "new", "--model", "openai/gpt-4o", "--out", out]
    return ["generate", "captions", *map(str, [*options, "--base-url", stub.base_url, *more])]


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_every_picture_gets_a_record_with_its_caption_and_stored_cut(folder, served, tmp_path, capsys):
    stub = served(replies(folder))
    prices = tmp_path / "prices.yaml"
    prices.write_text("gpt-4o: {input: 10, output: 100}")
    assert command.main(arguments(stub, folder, tmp_path / "c", "--prices", prices)) == 0
    records = collection.read(tmp_path / "c")
    assert [record["image_name"] for record in records] == [
        p.name for p in pictures.of_folder(folder, "n").pictures
    ]
    for record in records:
        assert record["caption"] == f"{CAPTION} It is number {record['image_name']}."
        assert [cut["text"] for cut in record["sentences"]][:2] == [
            "A red square is shown.",
            "It fills Mr. Smith's picture.",
        ]
        assert (tmp_path / "c" / record["image"]).is_file()
    about = json.loads((tmp_path / "c" / "generation.json").read_text())
    assert about["prompt"] == PROMPT.template
    assert about["replies"]["model_version"] == "gpt-4o-2025-01-01"
    assert about["splitter"]["name"] == "sentencex"
    usage = about["replies"]["usage"]
    assert usage["calls"] == stub.counts()["paid"] == 40
    assert usage["cost"] == pytest.approx((10 * usage["input_tokens"] + 100 * usage["output_tokens"]) / 1e6)
    assert "40 pictures: 40 ok" in capsys.readouterr().out


def test_refusals_and_empty_answers_are_records_without_a_caption(folder, served, tmp_path, capsys):
    odd = {
        "set0_00": "I'm sorry, I can't help with that.",
        "set0_02": "",
        "set0_04": "一只狗坐在草地上。",
        "set0_06": "A dog sits here now. " * 1000,
    }
    stub = served(replies(folder, odd))
    assert command.main(arguments(stub, folder, tmp_path / "c")) == 0
    found = {record["image_name"]: record for record in collection.read(tmp_path / "c")}
    assert found["set0_00"]["status"] == "refused"
    assert found["set0_02"]["status"] == "empty"
    assert all(
        "caption" not in found[name] and not found[name]["sentences"] for name in ("set0_00", "set0_02")
    )
    assert found["set0_04"]["flags"] == ["other script"]
    assert {"long", "repeats"} <= set(found["set0_06"]["flags"])
    source = read_collection(tmp_path / "c")
    assert source.notes == ["captions without a sentence (refused or empty), left out: 2"]
    assert len({item.image_name for item in source.items}) == 38
    assert "1 refused" in capsys.readouterr().out


def test_failures_are_tried_again_and_a_killed_run_goes_on(folder, served, tmp_path):
    odd = {f"set1_{number:02}": "" for number in (1, 3)}
    stub = served(replies(folder, odd), **{"429": 0.05, "500": 0.05})
    words = [
        sys.executable,
        "-m",
        "alignbench_tools",
        *arguments(stub, folder, tmp_path / "c", "--connections", 2),
    ]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    part = tmp_path / "c" / "replies.jsonl.part"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (part.exists() and part.read_bytes().count(b"\n") > 12):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "c" / "captions.jsonl").exists()
    assert subprocess.run(words, capture_output=True).returncode == 0
    records = collection.read(tmp_path / "c")
    assert len({record["image_name"] for record in records}) == len(records) == 40
    assert [record["status"] for record in records].count("empty") == 2
    assert stub.counts()["paid"] <= 40 + 2 * 2


def test_a_wrong_key_costs_one_call_and_leaves_no_caption(folder, served, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    stub = served(replies(folder))
    assert command.main(arguments(stub, folder, tmp_path / "c")) == 1
    assert "OPENAI_API_KEY" in capsys.readouterr().err
    assert not (tmp_path / "c" / "captions.jsonl").exists()


def test_another_prompt_or_other_pictures_do_not_go_on_in_the_same_folder(folder, served, tmp_path, capsys):
    stub = served(replies(folder))
    assert command.main(arguments(stub, folder, tmp_path / "c")) == 0
    (tmp_path / "other.txt").write_text("What is this?")
    assert command.main(arguments(stub, folder, tmp_path / "c", "--prompt", tmp_path / "other.txt")) == 1
    assert "protocol" in capsys.readouterr().err
    (folder / "set0" / "00.png").write_bytes(png(99))
    assert command.main(arguments(stub, folder, tmp_path / "c")) == 1
    assert "data of new" in capsys.readouterr().err


def test_a_stored_cut_outlives_another_splitter(folder, served, tmp_path, monkeypatch):
    stub = served(replies(folder))
    assert command.main(arguments(stub, folder, tmp_path / "c")) == 0
    before = collection.read(tmp_path / "c")
    monkeypatch.setattr(collection.splitting, "cut", lambda caption: [])
    assert command.main(arguments(stub, folder, tmp_path / "c")) == 0
    assert collection.read(tmp_path / "c") == before


def test_the_benchmarks_own_pictures_keep_their_names(served, tmp_path):
    sample = datasets.load_dataset("alignbench", "sample", split="test")
    import argparse

    args = argparse.Namespace(sample=True, data_dir=None, release=None, revision=None, captioners=None)
    args.image_dir, args.strict = [], False
    shown = pictures.of_benchmark(args, "new")
    described = {row["image_id"] for row in sample.remove_columns("image") if row["direction"] == 0}
    assert {picture.name for picture in shown.pictures} == described
    assert all(shown.picture(each).startswith(b"\x89PNG") for each in shown)


def test_a_dataset_gives_its_pictures_which_go_into_the_collection(folder, served, tmp_path):
    files = sorted(folder.rglob("*.png"))[:6]
    columns = {
        "image": [{"bytes": file.read_bytes(), "path": None} for file in files],
        "file_name": [file.name for file in files],
    }
    kinds = datasets.Features({"image": datasets.Image(), "file_name": datasets.Value("string")})
    (tmp_path / "set").mkdir()
    table = datasets.Dataset.from_dict(columns, features=kinds)
    table.to_parquet(tmp_path / "set" / "train-00000-of-00001.parquet")
    shown = pictures.of_dataset(str(tmp_path / "set"), "train", "new")
    stub = served({question(PROMPT.template, shown.picture(each)): CAPTION for each in shown})
    words = arguments(stub, folder, tmp_path / "c")
    words[words.index("--images")] = "--dataset"
    words[words.index(str(folder))] = str(tmp_path / "set")
    assert command.main(words) == 0
    records = collection.read(tmp_path / "c")
    assert [record["image_name"] for record in records] == [file.stem for file in files]
    for record, file in zip(records, files, strict=True):
        assert (tmp_path / "c" / record["image"]).read_bytes() == file.read_bytes()
    assert len(read_collection(tmp_path / "c").files) == 6


class Painter:
    """Draws as a provider would: fails, refuses, counts."""

    def __init__(self, failing=(), refused=()):
        self.failing, self.refused, self.drawn = set(failing), set(refused), []

    async def __call__(self, text):
        await asyncio.sleep(0)
        if text in self.refused:
            error = RuntimeError("rejected by our content_policy")
            error.status_code = 400
            raise error
        if text in self.failing:
            raise RuntimeError("the server hung up")
        self.drawn.append(text)
        return drawing.Drawn(png(text), 10, 100)


TEXTS = [drawing.Text(str(number), f"A picture of {number} dogs. They sit.") for number in range(12)]
ABOUT = {"made": "images", "model": "painter"}


def draw(painter, out):
    return drawing.run(TEXTS, painter, out, "painter", ABOUT, progress=False)


def test_every_text_is_drawn_once_failed_ones_again_and_refused_ones_never(tmp_path):
    painter = Painter(failing=[TEXTS[3].text, TEXTS[5].text], refused=[TEXTS[4].text])
    assert draw(painter, tmp_path / "c")["counts"] == {"ok": 9, "error": 2, "refused": 1}
    painter.failing.clear()
    found = draw(painter, tmp_path / "c")
    assert found["counts"] == {"ok": 11, "refused": 1}
    assert found["usage"] == {"input_tokens": 110, "output_tokens": 1100}
    assert sorted(painter.drawn) == sorted(text.text for text in TEXTS if text.text not in painter.refused)
    records = collection.read(tmp_path / "c")
    assert [record["image_name"] for record in records] == [text.name for text in TEXTS]
    source = read_collection(tmp_path / "c")
    assert {item.image_path_in_repo for item in source.items} == {
        f"images/data_generation/painter/{text.name}.png" for text in TEXTS if text.name != "4"
    }
    assert {len([i for i in source.items if i.image_name == text.name]) for text in TEXTS} == {0, 2}


def test_a_first_text_that_cannot_be_drawn_ends_the_run_at_once(tmp_path):
    painter = Painter(failing=[text.text for text in TEXTS])
    with pytest.raises(
        ValueError, match="the first text could not be drawn: RuntimeError: the server hung up"
    ):
        draw(painter, tmp_path / "c")
    assert not (tmp_path / "c" / "captions.jsonl").exists()


def test_pictures_made_in_another_way_do_not_mix(tmp_path):
    draw(Painter(), tmp_path / "c")
    with pytest.raises(ValueError, match="model: 'painter' / 'other'; take another --out"):
        drawing.run(TEXTS, Painter(), tmp_path / "c", "painter", {**ABOUT, "model": "other"})


def test_a_torn_last_line_of_the_journal_is_drawn_again(tmp_path):
    draw(Painter(), tmp_path / "c")
    journal = tmp_path / "c" / drawing.JOURNAL
    journal.write_bytes(journal.read_bytes()[:-9])
    painter = Painter()
    assert draw(painter, tmp_path / "c")["counts"] == {"ok": 12}
    assert len(painter.drawn) == 1


def test_the_images_endpoint_is_asked_as_documented(site, tmp_path, capsys):
    picture = base64.b64encode(png(1)).decode()
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "input_tokens_details": {}}
    reply = json.dumps({"created": 1, "data": [{"b64_json": picture}], "usage": usage}).encode()
    asked = []

    class Images(site.RequestHandlerClass):
        def do_POST(self):  # noqa: N802
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers["Authorization"], body))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(reply)

    site.RequestHandlerClass = Images
    (tmp_path / "texts.txt").write_text("A red dog.\nA blue cat. It sits.\n")
    words = ["--texts", tmp_path / "texts.txt", "--model", "gpt-image-1", "--captioner", "gpt-image"]
    words += ["--base-url", f"{site.url}/v1", "--size", "1024x1024", "--out", tmp_path / "c"]
    assert command.main(["generate", "images", *map(str, words)]) == 0
    assert "2 texts: 2 ok" in capsys.readouterr().out
    assert [path for path, _, _ in asked] == ["/v1/images/generations"] * 2
    assert asked[0][1] == f"Bearer {KEY}"
    assert asked[0][2] == {"model": "gpt-image-1", "prompt": "A red dog.", "n": 1, "size": "1024x1024"}
    assert (tmp_path / "c" / "images/data_generation/gpt-image/1.png").read_bytes() == png(1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", '{"name": "a"}\n', 'line 1: expected {"name"'),
        ("t.jsonl", '{"name": "a", "text": "x"}\n{"name": "a", "text": "y"}\n', "line 2: expected a text"),
        ("t.txt", "\n", "no text in it"),
    ],
)
def test_texts_that_cannot_be_read_name_their_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        drawing.read_texts(tmp_path / name)
