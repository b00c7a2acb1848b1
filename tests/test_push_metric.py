"""`alignbench push metric`: the Space from the metric's folder, and the metric from the Space."""

import json
from pathlib import Path

import alignbench_auroc
import pytest
import yaml
from pushing import local_client

SPACE = "me/alignbench_auroc"
FOLDER = Path(alignbench_auroc.__file__).parent

pytestmark = pytest.mark.skipif(
    not (FOLDER / "README.md").is_file() or not (FOLDER / "requirements.txt").is_file(),
    reason="the metric's folder has no Space card or no requirements",
)


@pytest.fixture
def client(tmp_path):
    with local_client(tmp_path) as client:
        yield client


def push(client, *arguments, repo=SPACE):
    return client.push(*arguments, kind="metric", repo=repo)


def test_space_holds_the_metrics_folder(client):
    code, _, err = push(client)
    assert code == 0, err
    files = client.hub.files(SPACE, "space")
    expected = {p.name: p.read_bytes() for p in FOLDER.iterdir() if p.suffix in (".py", ".md", ".txt")}
    assert {path: content for path, content in files.items() if path != "manifest.json"} == expected
    assert set(json.loads(files["manifest.json"])["files"]) == set(expected)
    assert yaml.safe_load(files["README.md"].decode().split("---")[1])["sdk"] == "gradio"
    assert client.hub.store.find("space", SPACE).sdk == "gradio"


def test_metric_loads_from_the_space_without_the_project(client):
    assert push(client)[0] == 0
    result = client.python("""
import evaluate, json
metric = evaluate.load("me/alignbench_auroc")
print(json.dumps(metric.compute(predictions=[0.9, 0.2, 0.6, 0.4], references=[1, 0, 0, 1])["auroc"]))
""")
    assert result == 0.75


def test_unchanged_metric_makes_no_commit(client):
    push(client)
    _, out, _ = push(client)
    assert "unchanged" in out
    assert len(client.hub.commits(SPACE, "space")) == 2


def test_name_that_evaluate_would_not_find_is_said(client):
    code, _, err = push(client, repo="me/auroc")
    assert (code, "expected a Space named alignbench_auroc, got me/auroc" in err) == (1, True)
    assert client.hub.store.find("space", "me/auroc") is None


def test_dry_run_writes_the_space_without_a_request(client):
    code, _, err = push(client, "--dry-run", "space")
    assert code == 0, err
    assert (client.folder / "space" / "alignbench_auroc.py").is_file()
    assert client.hub.requests() == []


def test_card_edited_on_the_hub_is_kept_on_demand(client):
    push(client)
    theirs = client.folder / "theirs"
    theirs.mkdir()
    edited = client.hub.files(SPACE, "space")["README.md"] + b"\nBy hand.\n"
    (theirs / "README.md").write_bytes(edited)
    client.hub.seed(SPACE, theirs, "space")
    code, _, err = push(client)
    assert (code, "somebody edited it" in err) == (1, True)
    assert push(client, "--card", "hub")[0] == 0
    assert client.hub.files(SPACE, "space")["README.md"] == edited
