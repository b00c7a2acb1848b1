"""`alignbench push dataset` against the local Hub, and what loads from there with the real clients."""

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
import yaml
from hub import READ_TOKEN, STRANGER_TOKEN, WRITE_TOKEN, Hub
from huggingface_hub import HfApi, constants
from releases import make_release, read_lines, write_lines

from alignbench_tools import card, push

REPO = "me/alignbench"
FILES = ["README.md", "captions/test-00000-of-00001.parquet", "croissant.json", "manifest.json"]
FILES += ["sentences/test-00000-of-00001.parquet"]

CLI = """
import argparse, sys
from alignbench_tools import push
parser = argparse.ArgumentParser(prog="alignbench")
push.add_parser(parser.add_subparsers())
args = parser.parse_args(sys.argv[1:])
sys.exit(args.run(args))
"""

# Stands in for an environment without the project: importing any part of it fails.
STRANGER = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("alignbench"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
"""


class Client:
    """Runs the command in this process (`push`) or another (`start`), and other clients in processes."""

    def __init__(self, hub, folder, release):
        self.hub, self.folder, self.release = hub, folder, release

    def start(self, *arguments, token=WRITE_TOKEN):
        """The command as a process, under way."""
        command = [sys.executable, "-c", CLI, "push", "dataset", REPO, "--data-dir", self.release, *arguments]
        env = self.hub.env(self.folder / "home", token)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(list(map(str, command)), env=env, cwd=self.folder, text=True, **pipes)

    def push(self, *arguments, repo=REPO, token=WRITE_TOKEN):
        """Exit code, standard output and error of the command, run in this process."""
        parser = argparse.ArgumentParser(prog="alignbench")
        push.add_parser(parser.add_subparsers())
        given = ["push", "dataset", repo, "--data-dir", self.release, *arguments]
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            # The libraries read their environment once, at import.
            patch.setattr(constants, "ENDPOINT", self.hub.url)
            files = self.hub.url + "/{repo_id}/resolve/{revision}/{filename}"
            patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
            patch.setattr(constants, "HF_HOME", str(self.folder / "home"))
            patch.setattr(constants, "HF_HUB_CACHE", str(self.folder / "home" / "hub"))
            patch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)
            patch.setattr(constants, "HF_TOKEN_PATH", str(self.folder / "none"))
            patch.setattr(datasets.config, "HF_DATASETS_CACHE", self.folder / "home" / "datasets")
            patch.setenv("HF_TOKEN", token or "")
            patch.chdir(self.folder)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                args = parser.parse_args(list(map(str, given)))
                code = args.run(args)
        return code, out.getvalue(), err.getvalue()

    def push_all(self, *arguments):
        code, out, err = self.push(
            "--images", "all", "--image-dir", f"COCO={self.release.parent / 'coco'}", *arguments
        )
        assert code == 0, err
        return out, err

    def python(self, code):
        """JSON that the code prints last, run without the project and with an empty cache."""
        env = self.hub.env(self.folder / f"fresh{random.random()}", None)
        done = subprocess.run(
            [sys.executable, "-c", STRANGER + code], env=env, cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("original") / "release")


@pytest.fixture
def client(tmp_path, original):
    shutil.copytree(original.parent, tmp_path / "data")
    with Hub(tmp_path / "hub") as hub:
        yield Client(hub, tmp_path, tmp_path / "data" / "release")


@pytest.fixture(scope="module")
def pushed(tmp_path_factory, original):
    """A Hub that holds the release with all pictures."""
    folder = tmp_path_factory.mktemp("pushed")
    with Hub(folder / "hub") as hub:
        client = Client(hub, folder, original)
        client.push_all()
        yield client


# what is pushed


def test_push_is_one_commit_with_these_files(pushed):
    assert sorted(pushed.hub.files(REPO)) == FILES
    assert len(pushed.hub.commits(REPO)) == 2  # the second is the repository's initial one


def test_nothing_of_this_machine_is_published(pushed, original):
    for path, content in pushed.hub.files(REPO).items():
        assert str(original.parent).encode() not in content, path
        assert os.path.expanduser("~").encode() not in content, path


def test_rows_and_picture_bytes_come_back_without_the_project(pushed, original):
    code = """
import hashlib, json
from datasets import Image, load_dataset
ds = load_dataset("me/alignbench", split="test").cast_column("image", Image(decode=False))
rows = [[r["id"], r["sentence"], r["label"], hashlib.sha256(r["image"]["bytes"]).hexdigest()] for r in ds]
print(json.dumps([rows, ds.features["label"].names]))
"""
    rows, names = pushed.python(code)
    expected = set()
    for line in read_lines(original):
        place = line["image_path_in_repo"] or f"../coco/{line['image_name']}.png"
        digest = hashlib.sha256((original / place).read_bytes()).hexdigest()
        name = f"{line['model']}/{line['image_name']}/{line['sentence_index']}"
        expected.add((name, line["caption"], names.index(line["annotation"]), digest))
    assert set(map(tuple, rows)) == expected
    assert len(rows) == len(expected)


def test_captions_stream_columns_and_filters_load_without_the_project(pushed, original):
    code = """
import json
from datasets import load_dataset
captions = load_dataset("me/alignbench", "captions", split="test")
stream = list(load_dataset("me/alignbench", split="test", streaming=True))
some = load_dataset("me/alignbench", split="test", columns=["id", "label"], filters=[("label", "==", 0)])
sentences = [s for c in captions for s in c["sentences"]]
spans = [(s["sentence"], p["start"], p["end"], p["text"]) for s in sentences for p in s["spans"]]
sizes = [len(captions), len(sentences), len(stream), stream[0]["image"].size]
print(json.dumps([*sizes, some.column_names, len(some), spans]))
"""
    captions, sentences, streamed, size, columns, wrong, spans = pushed.python(code)
    lines = read_lines(original)
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
    assert client.hub.requests("POST .*/commit/") == []


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


# a card that somebody edited


@pytest.fixture
def edited(client):
    client.push_all()
    api = HfApi(client.hub.url, token="hf_local_write")
    card = (
        client.hub.files(REPO)["README.md"]
        .decode()
        .replace("## Known issues\n", "## Known issues\n\nBy hand.\n")
    )
    api.upload_file(
        path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id=REPO, repo_type="dataset"
    )
    write_lines(client.release, read_lines(client.release)[:-5])
    return client


def test_edited_card_stops_the_push(edited):
    before = edited.hub.files(REPO)
    code, _, err = edited.push()
    assert code == 1
    assert "somebody edited it" in err
    assert "--card hub" in err
    assert edited.hub.files(REPO) == before


def test_edited_card_is_kept_with_new_numbers(edited):
    edited.push_all("--card", "hub")
    card = edited.hub.files(REPO)["README.md"].decode()
    assert "By hand." in card
    assert f"| `sentences` | {len(read_lines(edited.release))} |" in card
    out, _ = edited.push_all("--card", "hub")
    assert "unchanged" in out


def test_edited_card_is_overwritten_only_on_demand(edited):
    edited.push_all("--card", "ours")
    assert "By hand." not in edited.hub.files(REPO)["README.md"].decode()


# what goes wrong


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "no token: log in with `hf auth login`"),
        ("hf_wrong", "the Hub does not know this token"),
        (READ_TOKEN, "the token may only read"),
        (STRANGER_TOKEN, "no write permission there"),
    ],
)
def test_token_that_cannot_write_is_said(client, token, message):
    code, _, err = client.push(token=token)
    assert code == 1
    assert message in err
    assert "Traceback" not in err
    assert client.hub.store.find("dataset", REPO) is None


def test_name_taken_by_another_type_is_said(client):
    client.hub.store.create("model", REPO)
    code, _, err = client.push()
    assert (code, "is a model repo, expected a dataset or nothing" in err) == (1, True)
    assert client.hub.store.find("dataset", REPO) is None


@pytest.mark.parametrize("name", ["no spaces/alignbench", "me/align--bench", "alignbench", "me/" + "a" * 100])
def test_name_that_the_hub_refuses_is_said(client, name):
    code, _, err = client.push(repo=name)
    assert (code, name in err) == (1, True)
    assert client.hub.requests() == []


def test_script_beside_the_data_is_said(client):
    folder = client.folder / "script"
    folder.mkdir()
    (folder / "alignbench.py").write_text("import datasets\n")
    client.hub.seed(REPO, folder)
    code, _, err = client.push()
    assert (code, "refuses to load a repo with a script of its name" in err) == (1, True)


def test_release_that_is_not_there_is_said(client):
    shutil.rmtree(client.release)
    code, _, err = client.push()
    assert (code, str(client.release) in err, "Traceback" in err) == (1, True, False)


def test_failing_hub_leaves_nothing_and_the_next_push_goes_on(client):
    client.hub.fail("POST .*/commit/", status=500)
    code, _, err = client.push()
    assert (code, "nothing changed there, push again to go on" in err) == (1, True)
    assert client.hub.files(REPO) == {}
    client.hub.heal()
    client.hub.forget_requests()
    assert client.push()[0] == 0
    assert client.hub.requests("^PUT") == []  # uploaded by the first one


def test_commit_of_somebody_else_in_between_is_not_overwritten(client):
    client.push_all()
    theirs = client.folder / "theirs"
    theirs.mkdir()
    (theirs / "NOTES.txt").write_text("theirs")
    client.hub.when("POST .*/preupload/", lambda: client.hub.seed(REPO, theirs))
    write_lines(client.release, read_lines(client.release)[:-5])
    code, _, err = client.push()
    assert (code, "somebody committed in the meantime" in err) == (1, True)
    assert client.hub.files(REPO)["NOTES.txt"] == b"theirs"


@pytest.mark.parametrize("moment", ["POST .*/preupload/", "PUT /lfs/", "POST .*/commit/"])
def test_killed_push_shows_the_old_state_or_the_new_and_the_next_completes(client, moment):
    client.push_all()
    old = client.hub.files(REPO)
    write_lines(client.release, read_lines(client.release)[:-5])
    process = client.start()
    client.hub.when(moment, process.kill)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    killed = (client.hub.requests(), client.hub.files(REPO))[1]
    assert client.push()[0] == 0
    new = client.hub.files(REPO)
    assert new != old
    assert killed in (old, new)


def test_only_one_push_to_a_repository_runs_here(client):
    second = []
    client.hub.when("POST .*/preupload/", lambda: second.append(client.push()))
    assert client.push()[0] == 0
    code, _, err = second[0]
    assert (code, "another push to dataset me/alignbench is under way" in err) == (1, True)


def test_installed_card_is_found(tmp_path, monkeypatch):
    share = tmp_path / "share" / "alignbench"
    share.mkdir(parents=True)
    (share / "dataset_card.md").write_text("installed")
    monkeypatch.setattr(card, "__file__", str(tmp_path / "site" / "alignbench_tools" / "card.py"))
    monkeypatch.setattr(card.sys, "prefix", str(tmp_path))
    assert card.template() == "installed"
    assert Path(card.__file__).exists() is False
