"""Pictures of a load: what each row gets, what is reported, and that nothing outside a release is opened."""

import json
import os
from pathlib import Path

import datasets
import huggingface_hub
import pytest
from pictures import HTML, bomb, by_path, by_url, contents, files, picture, redirect, unavailable

import alignbench


@pytest.mark.smoke
def test_a_picture_is_fetched_once_however_many_rows_share_it(site, load, write_release):
    site.answers = {"/a.png": picture(1), "/b.jpg": picture(2, "JPEG")}
    a, b = f"{site.url}/a.png", f"{site.url}/b.jpg"
    rows = [
        {
            "model": model,
            "sentence_index": n,
            "image_name": url[-5],
            "image_url": url,
            "image_path_in_repo": None,
        }
        for model in ("atlas", "borea", "cirrus")
        for n in range(4)
        for url in (a, b)
    ]
    dataset = load(write_release(*rows))
    assert sorted(site.paths) == ["/a.png", "/b.jpg"]
    expected = [site.answers["/a.png"], site.answers["/b.jpg"]] * 12
    assert contents(dataset) == expected
    assert all(image.size == (16, 24) for image in dataset["image"])
    assert alignbench.report(dataset).pictures == {"distinct": 2, "available": 2}


def test_a_second_load_makes_no_request(site, load, write_release, tmp_path):
    site.answers = {"/a.png": picture(1)}
    folder = write_release(*by_url(f"{site.url}/a.png", f"{site.url}/gone.png"))
    first = load(folder)
    asked = list(site.paths)
    assert sorted(asked) == ["/a.png", "/gone.png"]
    again = load(folder)
    other = load(folder, "captions")
    elsewhere = load(folder, cache_dir=str(tmp_path / "another cache"))
    assert site.paths == asked
    for dataset in (again, other, elsewhere):
        assert files(dataset) == files(first)
        assert unavailable(alignbench.report(dataset)) == {f"HTTP 404: {site.url}/gone.png": 2}


def test_failures_are_tried_again_when_told_to(site, load, write_release):
    folder = write_release(*by_url(f"{site.url}/a.png", f"{site.url}/late.png"))
    site.answers = {"/a.png": picture(1)}
    assert contents(load(folder)) == [picture(1), None]
    site.answers["/late.png"] = picture(2)
    site.paths.clear()
    assert contents(load(folder, download_mode="force_redownload")) == [picture(1), picture(2)]
    assert site.paths == ["/late.png"]
    assert contents(load(folder)) == [picture(1), picture(2)]


def test_offline_mode_makes_no_request_and_remembers_no_failure(
    site, load, write_release, tmp_path, monkeypatch
):
    site.answers = {"/a.png": picture(1), "/b.png": picture(2)}
    folder = write_release(*by_url(f"{site.url}/a.png", f"{site.url}/b.png"))
    alignbench.PictureStore().get(f"{site.url}/a.png")
    with monkeypatch.context() as offline:
        offline.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        dataset = load(folder, cache_dir=str(tmp_path / "offline"))
    assert site.paths == ["/a.png"]
    assert contents(dataset) == [picture(1), None]
    assert alignbench.report(dataset).pictures == {
        "distinct": 2,
        "available": 1,
        "offline (HF_HUB_OFFLINE is set)": 1,
    }
    assert contents(load(folder)) == [picture(1), picture(2)]


# Pictures in the release


@pytest.mark.smoke
def test_pictures_of_the_release_are_taken_as_they_lie(load, write_release):
    folder = write_release(*by_path("images/a.png", "images/deep/er/b.jpg", "images/a.png"))
    (folder / "images/deep/er").mkdir(parents=True)
    (folder / "images/a.png").write_bytes(picture(1))
    (folder / "images/deep/er/b.jpg").write_bytes(picture(2, "JPEG"))
    dataset = load(folder)
    assert files(dataset) == [folder / f"images/{name}" for name in ("a.png", "deep/er/b.jpg", "a.png")]
    assert alignbench.report(dataset).pictures == {"distinct": 2, "available": 2}


def test_each_bad_file_of_the_release_is_reported_and_no_row_is_lost(
    load, write_release, tmp_path, monkeypatch
):
    monkeypatch.setattr(alignbench, "MAX_PICTURE_BYTES", 20_000)
    folder, outside = tmp_path / "release", tmp_path / "outside.png"
    (folder / "images/folder.png").mkdir(parents=True)
    outside.write_bytes(picture(9))
    for name, data in {
        "good": picture(1),
        "page": HTML,
        "empty": b"",
        "cut": picture(2)[:-40],
        "bomb": bomb(30_000),
        "large": picture(3, size=(200, 200)),
    }.items():
        (folder / f"images/{name}.png").write_bytes(data)
    os.mkfifo(folder / "images/pipe.png")
    (folder / "images/out.png").symlink_to(outside)
    (folder / "images/loop.png").symlink_to("loop.png")
    (folder / "images/in.png").symlink_to("good.png")
    reasons = {
        "good": None,
        "in": None,
        "page": "not an image",
        "empty": "not an image",
        "cut": "damaged image",
        "bomb": "decompression bomb",
        "large": "too large",
        "folder": "no such file",
        "pipe": "no such file",
        "missing": "no such file",
        "x" * 300: "no such file",
        "loop": "no such file",
        "out": "link out of the release refused",
    }
    rows = by_path(*(f"images/{name}.png" for name in reasons))
    dataset = load(write_release(*rows, folder=folder))
    report = alignbench.report(dataset)
    assert contents(dataset) == [picture(1)] * 2 + [None] * (len(reasons) - 2)
    assert unavailable(report) == {
        f"{reason}: images/{name}.png": line
        for line, (name, reason) in enumerate(reasons.items(), 1)
        if reason
    }
    assert report.pictures == {
        "distinct": 13,
        "no such file": 5,
        "available": 2,
        "not an image": 2,
        "damaged image": 1,
        "decompression bomb": 1,
        "too large": 1,
        "link out of the release refused": 1,
    }
    assert report.counts() == {"picture_unavailable": 11}


def test_the_links_of_a_hub_cache_snapshot_lead_to_pictures(load, write_release, tmp_path):
    repo = tmp_path / "datasets--me--release"
    snapshot = repo / "snapshots" / ("0" * 40)
    (repo / "blobs").mkdir(parents=True)
    (snapshot / "images").mkdir(parents=True)
    (repo / "blobs/abc").write_bytes(picture(1))
    (tmp_path / "secret").write_bytes(picture(2))
    (snapshot / "images/a.png").symlink_to("../../../blobs/abc")
    (snapshot / "images/b.png").symlink_to("../../../../secret")
    dataset = load(write_release(*by_path("images/a.png", "images/b.png"), folder=snapshot))
    assert contents(dataset) == [picture(1), None]


def test_no_file_outside_a_release_is_opened(fresh_process, write_release, site, tmp_path):
    """The secret is a proper picture: it would be taken, if it were opened."""
    outside, folder = tmp_path / "outside", tmp_path / "release"
    outside.mkdir()
    (folder / "images").mkdir(parents=True)
    secret = outside / "secret.png"
    secret.write_bytes(picture(1))
    (folder / "images/good.png").write_bytes(picture(2))
    (folder / "images/link.png").symlink_to(secret)
    (folder / "images/linked").symlink_to(outside)
    (folder / "images/up").symlink_to("..")
    site.answers = {"/to_file": redirect(f"file://{secret}")}
    refused = by_path(
        "../outside/secret.png",
        "images/../../outside/secret.png",
        "./../outside/secret.png",
        str(secret),
        f"/{secret}",
        f"file://{secret}",
        "images\\..\\..\\outside\\secret.png",
        "C:/outside/secret.png",
        "images/link.png",
        "images/linked/secret.png",
        "images/up/../outside/secret.png",
        "~/secret.png",
        "..",
        "",
        ".",
    )
    refused += by_url(f"file://{secret}", f"FILE://localhost{secret}", str(secret), f"{site.url}/to_file")
    rows = [{**row, "image_name": str(n)} for n, row in enumerate([*by_path("images/good.png"), *refused])]
    code = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import json, os, alignbench
from datasets import load_dataset
options = [{"name": name, "num_proc": number} for name in ("sentences", "captions") for number in (None, 2)]
options.append({"streaming": True})
datasets = [load_dataset("alignbench", data_dir=sys.argv[1], split="test", **more) for more in options]
found = [[row["image"] is not None for row in dataset] for dataset in datasets]
print(json.dumps({"found": found, "opened": [os.path.realpath(path) for path in opened]}))
"""
    done = fresh_process(code, write_release(*rows, folder=folder))
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["found"] == [[True] + [False] * len(refused)] * 5
    here = [path for path in result["opened"] if Path(path).is_relative_to(tmp_path)]
    assert str(folder / "images/good.png") in here
    allowed = (folder, tmp_path / "hf_home", tmp_path / "empty")
    assert [path for path in here if not any(Path(path).is_relative_to(root) for root in allowed)] == []


# Options


def test_require_lists_every_picture_that_cannot_be_had(site, load, write_release):
    rows = by_url(f"{site.url}/a.png", f"{site.url}/gone.png", "file:///etc/hostname", None)
    rows += [{"image_name": "p", "image_path_in_repo": "images/none.png"}]
    rows += [{"image_name": "q", "image_path_in_repo": "../up.png"}]
    # This path is refused, but the URL beside it serves.
    rows += [{"image_name": "r", "image_path_in_repo": "../up.png", "image_url": f"{site.url}/a.png"}]
    site.answers = {"/a.png": picture(1)}
    folder = write_release(*rows)
    with pytest.raises(alignbench.ReleaseError) as failure:
        load(folder, images="require")
    text = str(failure.value)
    assert "5 pictures cannot be had" in text
    for line in (
        f"line 2: HTTP 404: {site.url}/gone.png",
        "line 3: file:///etc/hostname",
        "line 4: absent or null",
        "line 5: no such file: images/none.png",
        "line 6: ../up.png",
    ):
        assert line in text
    assert "line 1:" not in text
    assert "line 7:" not in text
    assert "force_redownload" in text


def test_require_passes_where_every_picture_is_there(site, load, write_release):
    site.answers = {"/a.png": picture(1)}
    assert contents(load(write_release(*by_url(f"{site.url}/a.png")), images="require")) == [picture(1)]


def test_skip_makes_no_request_and_opens_no_picture(site, load, write_release):
    rows = [*by_url(f"{site.url}/a.png"), *by_path("images/none.png", model="borea")]
    dataset = load(write_release(*rows), images="skip")
    assert dataset["image"] == [None, None]
    assert site.paths == []
    assert alignbench.report(dataset).pictures == {}


def test_release_fetches_nothing_by_url(site, load, write_release):
    folder = write_release(*by_url(f"{site.url}/a.png"), *by_path("images/1.png", model="borea"))
    (folder / "images").mkdir()
    (folder / "images/1.png").write_bytes(picture(1))
    assert contents(load(folder, images="release")) == [None, picture(1)]
    assert site.paths == []


@pytest.mark.parametrize("images", ["auto", "release"])
def test_streaming_gives_the_same_rows_and_fetches_lazily(site, load, write_release, images):
    number = alignbench._STREAMED_ROWS + 10
    site.answers = {f"/{n}.png": picture(n) for n in range(number)}
    rows = by_url(*(f"{site.url}/{n}.png" for n in range(number)))
    folder = write_release(*rows, *by_path("images/0.png", "images/gone.png", model="borea"))
    (folder / "images").mkdir()
    (folder / "images/0.png").write_bytes(picture(0))
    streamed = load(folder, streaming=True, images=images).cast_column("image", datasets.Image(decode=False))
    assert site.paths == []
    rows = iter(streamed)
    first = next(rows)
    assert len(site.paths) <= alignbench._STREAMED_ROWS
    rows = [first, *rows]
    whole = load(folder, images=images)
    assert [row["image"] and Path(row["image"]["path"]) for row in rows] == files(whole)
    assert [row["id"] for row in rows] == whole["id"]
    assert len(site.paths) == (number if images == "auto" else 0)
