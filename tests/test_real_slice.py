"""The real slice of the release: 124 sentences on 18 pictures, as the paper's figures print them."""

import json
import socket

import pytest
from datasets import load_dataset

import alignbench

PORT = 8765  # the slice names its pictures there


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            pytest.skip(f"port {PORT}, where the slice's pictures must be served, is taken")


@pytest.fixture
def served(figures, free_port, serve, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "hf"))
    return serve(figures / "url_images", PORT)


def load(figures, tmp_path, *arguments, **options):
    options = {"data_dir": str(figures), "split": "test", "cache_dir": str(tmp_path / "cache"), **options}
    return load_dataset("alignbench", *arguments, **options)


@pytest.fixture
def printed(figures):
    lines = (figures / "halcap_bench.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_all_rows_have_their_picture_label_types_and_words(figures, served, printed, tmp_path):
    rows = load(figures, tmp_path)
    assert rows.num_rows == len(printed) == 124
    assert sum(label == 0 for label in rows["label"]) == 43
    names = rows.features["hallucination_types"].feature.names
    for row, line in zip(rows, printed, strict=True):
        row["image"].load()
        assert row["sentence"] == line["caption"]
        assert alignbench.LABELS[row["label"]] == line["annotation"]
        assert [names[code] for code in row["hallucination_types"]] == (
            [line["error_type"]] if line["error_type"] else []
        )
        assert [span["text"] for span in row["spans"]] == line["error_words"]
        assert all(row["sentence"][s["start"] : s["end"]] == s["text"] for s in row["spans"])
    assert alignbench.report(rows).pictures == {"distinct": 18, "available": 18}
    assert len(served.paths) == 15


def test_picture_bytes_are_the_original_ones(figures, served, tmp_path):
    import datasets

    rows = load(figures, tmp_path).cast_column("image", datasets.Image(decode=False))
    for row in rows:
        name = row["image_url"].removeprefix(f"http://127.0.0.1:{PORT}/") if row["image_url"] else None
        original = figures / "url_images" / name if name else None
        with open(row["image"]["path"], "rb") as file:
            data = file.read()
        if original:
            assert data == original.read_bytes()
        else:
            assert data in [p.read_bytes() for p in (figures / "images").rglob("*.png")]


def test_with_the_server_down_rows_stay_and_the_report_counts_what_is_missing(
    figures, free_port, tmp_path, monkeypatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "hf"))
    rows = load(figures, tmp_path)
    assert rows.num_rows == 124
    missing = {row["image_url"] for row in rows if row["image"] is None}
    assert len(missing) == 15
    assert {row["image_url"] for row in rows if row["image"]} == {None}
    report = alignbench.report(rows)
    assert report.pictures == {"distinct": 18, "connection refused": 15, "available": 3}
    assert report.counts()["picture_unavailable"] == 15


def test_pictures_that_come_back_are_had_when_told_to_try_again(
    figures, free_port, serve, tmp_path, monkeypatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "hf"))
    load(figures, tmp_path)
    server = serve(figures / "url_images", PORT)
    again = load(figures, tmp_path)
    assert (sum(row["image"] is None for row in again) > 0, server.paths) == (True, [])
    retried = load(figures, tmp_path, download_mode="force_redownload")
    assert all(row["image"] for row in retried)
    assert all(row["image"] for row in load(figures, tmp_path))
    assert len(server.paths) == 15


def test_captions_have_the_same_sentences(figures, tmp_path):
    sentences = load(figures, tmp_path, images="skip")
    captions = load(figures, tmp_path, "captions", images="skip")
    assert captions.num_rows == 18
    nested = [s for caption in captions for s in caption["sentences"]]
    assert sorted(s["id"] for s in nested) == sorted(sentences["id"])
    for caption in captions:
        for sentence in caption["sentences"]:
            assert caption["caption"][sentence["start"] : sentence["end"]] == sentence["sentence"]
