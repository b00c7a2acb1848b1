"""`alignbench push dataset` against the local Hub, and what loads from there with the real clients."""

import hashlib
import os
import shutil

import pytest
import yaml
from pushing import FILES, REPO, local_client
from releases import read_lines, write_lines


@pytest.fixture
def client(tmp_path):
    with local_client(tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """A client whose Hub holds its release with all pictures."""
    with local_client(tmp_path_factory.mktemp("pushed")) as client:
        client.push_all()
        yield client


# what is pushed


def test_push_is_one_commit_with_these_files(pushed):
    assert sorted(pushed.hub.files(REPO)) == FILES
    assert len(pushed.hub.commits(REPO)) == 2  # the second is the repository's initial one


def test_nothing_of_this_machine_is_published(pushed):
    for path, content in pushed.hub.files(REPO).items():
        assert str(pushed.folder).encode() not in content, path
        assert os.path.expanduser("~").encode() not in content, path


def test_rows_and_picture_bytes_come_back_without_the_project(pushed):
    code = """
import hashlib, json
from datasets import Image, load_dataset
ds = load_dataset("me/alignbench", split="test").cast_column("image", Image(decode=False))
rows = [[r["id"], r["sentence"], r["label"], hashlib.sha256(r["image"]["bytes"]).hexdigest()] for r in ds]
print(json.dumps([rows, ds.features["label"].names]))
"""
    rows, names = pushed.python(code)
    expected = set()
    for line in read_lines(pushed.release):
        place = line["image_path_in_repo"] or f"../coco/{line['image_name']}.png"
        digest = hashlib.sha256((pushed.release / place).read_bytes()).hexdigest()
        name = f"{line['model']}/{line['image_name']}/{line['sentence_index']}"
        expected.add((name, line["caption"], names.index(line["annotation"]), digest))
    assert set(map(tuple, rows)) == expected
    assert len(rows) == len(expected)


def test_captions_stream_columns_and_filters_load_without_the_project(pushed):
    code = """
import json
from datasets import load_dataset
from datasets.packaged_modules.parquet.parquet import ParquetConfig
captions = load_dataset("me/alignbench", "captions", split="test")
stream = list(load_dataset("me/alignbench", split="test", streaming=True))
some = {"columns": ["id", "label"]}
if "filters" in ParquetConfig.__dataclass_fields__:
    some["filters"] = [("label", "==", 0)]
some = load_dataset("me/alignbench", split="test", **some)
sentences = [s for c in captions for s in c["sentences"]]
spans = [(s["sentence"], p["start"], p["end"], p["text"]) for s in sentences for p in s["spans"]]
sizes = [len(captions), len(sentences), len(stream), stream[0]["image"].size]
print(json.dumps([*sizes, some.column_names, some["label"][:].count(0), spans]))
"""
    captions, sentences, streamed, size, columns, wrong, spans = pushed.python(code)
    lines = read_lines(pushed.release)
    assert captions == len({(line["model"], line["image_name"]) for line in lines})
    assert sentences == streamed == len(lines)
    assert (size, columns) == ([64, 64], ["id", "label"])
    assert wrong == len(spans) == sum(line["annotation"] == "incorrect" for line in lines)
    assert all(sentence[start:end] == text for sentence, start, end, text in spans)


def test_default_push_embeds_no_picture_that_has_an_address(client):
    code, _, err = client.push()
    assert code == 0, err
    assert "answer" not in err
    found = client.python("""
import json
from datasets import load_dataset
ds = load_dataset("me/alignbench", split="test")
print(json.dumps([[r["image"] is None, r["image_url"] is None] for r in ds]))
""")
    assert sorted(map(tuple, set(map(tuple, found)))) == [(False, True), (True, False)]
    assert "`image` is null" in client.hub.files(REPO)["README.md"].decode()


def test_all_pictures_come_with_a_sentence_on_licences(client):
    _, err = client.push_all()
    assert "--images all: this publishes pictures of COCO and CC12M under your name" in err


def test_dry_run_writes_the_files_that_a_push_would_and_they_load(client):
    images = ("--images", "all", "--image-dir", f"COCO={client.release.parent / 'coco'}")
    code, _, err = client.push("--dry-run", "out", *images, token=None)
    assert code == 0, err
    assert client.hub.requests() == []
    client.push_all()
    written = {path: (client.folder / "out" / path).read_bytes() for path in FILES}
    assert written == client.hub.files(REPO)
    loaded = client.python(
        "import json; from datasets import load_dataset; configs = 'sentences', 'captions'; "
        "print(json.dumps([len(load_dataset('out', c, split='test')) for c in configs]))"
    )
    assert loaded == [len(read_lines(client.release)), 24]


def test_dry_run_spares_a_folder_that_is_not_its_own(client):
    (client.folder / "out").mkdir()
    (client.folder / "out" / "thesis.txt").write_text("dear")
    code, _, err = client.push("--dry-run", "out")
    assert (code, "give another folder" in err) == (1, True)
    assert (client.folder / "out" / "thesis.txt").read_text() == "dear"


def test_eval_yaml_is_written_only_when_asked_for(client):
    client.push_all("--benchmark")
    tasks = yaml.safe_load(client.hub.files(REPO)["eval.yaml"])["tasks"]
    assert [task["id"] for task in tasks] == ["mean", "gpt4o", "llava", "qwen", "sd"]
    client.push_all()
    assert "eval.yaml" not in client.hub.files(REPO)


# pushing again


def test_unchanged_data_transfer_no_data_file(client):
    client.push_all()
    client.hub.forget_requests()
    out, _ = client.push_all()
    assert "unchanged" in out
    assert client.hub.requests("^PUT") == []
    assert len(client.hub.commits(REPO)) == 2


def test_changed_label_changes_the_row_the_card_and_the_manifest(client):
    client.push_all()
    before = client.hub.files(REPO)
    lines = read_lines(client.release)
    changed = next(line for line in lines if line["annotation"] == "unknown")
    changed["annotation"] = "correct"
    write_lines(client.release, lines)
    client.push_all()
    after = client.hub.files(REPO)
    assert sorted(after) == FILES
    assert all(after[path] != before[path] for path in FILES if path != "croissant.json")
    assert len(client.hub.commits(REPO)) == 3


def test_files_of_an_earlier_push_do_not_linger(client):
    client.push_all()
    folder = client.folder / "stale" / "sentences"
    folder.mkdir(parents=True)
    shutil.copyfile(
        client.hub.store.blob(
            hashlib.sha256(client.hub.files(REPO)["sentences/test-00000-of-00001.parquet"]).hexdigest()
        ),
        folder / "test-00001-of-00002.parquet",
    )
    (folder.parent / "NOTES.txt").write_text("mine")
    client.hub.seed(REPO, folder.parent)
    client.push_all()
    assert sorted(client.hub.files(REPO)) == sorted([*FILES, "NOTES.txt"])


def test_branch_and_pull_request_leave_main_alone(client):
    client.push_all()
    main = client.hub.files(REPO)
    lines = read_lines(client.release)
    write_lines(client.release, lines[:-1])
    client.push_all("--revision", "next")
    out, _ = client.push_all("--create-pr")
    assert "/discussions/1" in out
    assert client.hub.files(REPO) == main
    assert client.hub.files(REPO, revision="next") == client.hub.files(REPO, revision="refs/pr/1") != main


def test_private_makes_a_private_repository(client):
    client.push_all("--private")
    assert client.hub.store.find("dataset", REPO).private is True


def test_real_slice_is_pushed_without_its_url_pictures_unless_asked(client, figures, serve):
    try:
        served = serve(figures / "url_images", 8765)  # the slice names its pictures there
    except OSError:
        pytest.skip("port 8765, where the slice's pictures must be served, is taken")
    client.release = figures
    code = """
import json
from datasets import load_dataset
ds = load_dataset("me/alignbench", "captions", split="test")
print(json.dumps([[r["image_url"] is not None, r["image"] is not None] for r in ds]))
"""
    assert client.push()[0] == 0
    assert served.paths == []
    assert {url != embedded for url, embedded in client.python(code)} == {True}
    code_of_push, _, err = client.push("--images", "all")
    assert (code_of_push, "this publishes pictures of COCO and CC12M" in err) == (0, True)
    assert len(served.paths) == 15
    assert all(embedded for _, embedded in client.python(code))
