"""`load_dataset("alignbench")` reads the release from the Hub: pinned, cached, and clear where it cannot."""

import io
import json
import time

import datasets
import numpy as np
import pytest
from conftest import release_row
from hub import READ_TOKEN, STRANGER_TOKEN, Hub
from huggingface_hub import constants, file_download
from PIL import Image

import alignbench

NOBODY = "http://127.0.0.1:9"
LOAD = """
import json, sys, time
time.sleep = lambda seconds: None  # the client waits between tries
import alignbench
from datasets import load_dataset
options = json.loads(sys.argv[1])
dataset = load_dataset("alignbench", split="test", **options)
rows = [
    {"id": row["id"], "label": row["label"], "size": row["image"] and row["image"].size} for row in dataset
]
print(json.dumps({"rows": rows, "pictures": alignbench.report(dataset).pictures}))
"""


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def release(tmp_path):
    """Two captioners, three sentences each, with a picture each; and one picture that is not there."""
    folder = tmp_path / "published"
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, model in enumerate(("atlas", "borea")):
        name = f"images/{model}.png"
        noise = np.random.default_rng(number).integers(0, 255, (9, 8 + number, 3), np.uint8)
        out = io.BytesIO()
        Image.fromarray(noise).save(out, "PNG")
        (folder / name).write_bytes(out.getvalue())
        rows += [
            release_row(model=model, image_name=model, image_path_in_repo=name, sentence_index=n)
            for n in range(3)
        ]
    rows.append(release_row(model="atlas", image_name="gone", image_path_in_repo="images/gone.png"))
    write(folder, rows)
    return folder


def write(folder, rows):
    (folder / "halcap_bench.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def rows(folder):
    return [json.loads(line) for line in (folder / "halcap_bench.jsonl").read_text().splitlines()]


EXPECTED = [{"id": f"atlas/atlas/{n}", "label": 1, "size": [8, 9]} for n in range(3)]
EXPECTED += [{"id": f"borea/borea/{n}", "label": 1, "size": [9, 9]} for n in range(3)]
EXPECTED += [{"id": "atlas/gone/0", "label": 1, "size": None}]


@pytest.fixture
def load_afresh(fresh_process, hub, tmp_path):
    """Load in a process of its own; `gone`: while no hub answers."""

    def load(offline=False, gone=False, **options):
        env = hub.env(tmp_path / "hf_home", None)
        if offline:
            env["HF_HUB_OFFLINE"] = "1"
        if gone:
            env["HF_ENDPOINT"] = NOBODY
        done = fresh_process(LOAD, json.dumps(options), env=env)
        return json.loads(done.stdout.splitlines()[-1])

    return load


@pytest.fixture
def load(hub, tmp_path, monkeypatch):
    """Load in this process, `client` naming what the client's environment would set."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client waits between tries

    def load(config=None, *, offline=False, gone=False, env_token=None, **options):
        endpoint = NOBODY if gone else hub.url
        client = {
            "ENDPOINT": endpoint,
            "HUGGINGFACE_CO_URL_TEMPLATE": f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
            "HF_HUB_CACHE": str(tmp_path / "hub cache"),
            "HF_HUB_OFFLINE": offline,
            "HF_HUB_DISABLE_XET": True,
        }
        with monkeypatch.context() as patch:
            for name, value in client.items():
                patch.setattr(constants, name, value, raising=False)
                if hasattr(file_download, name):  # older clients hold copies of the constants
                    patch.setattr(file_download, name, value)
            if env_token:
                patch.setenv("HF_TOKEN", env_token)
            options = {
                "split": "test",
                "cache_dir": str(tmp_path / "cache"),
                "release": "me/other",
                **options,
            }
            dataset = datasets.load_dataset("alignbench", config, **options)
            return [
                {"id": row["id"], "label": row["label"], "size": row["image"] and list(row["image"].size)}
                for row in dataset
            ]

    return load


@pytest.mark.smoke
def test_the_default_is_the_pinned_commit_and_then_works_without_the_hub(hub, release, load_afresh, tmp_path):
    hub.seed(alignbench.HUB_RELEASE, release, sha=alignbench.HUB_REVISION)
    write(release, rows(release)[:1])
    hub.seed(alignbench.HUB_RELEASE, release)  # main moves on, the pin stays
    online = load_afresh()
    assert online == {
        "rows": EXPECTED,
        "pictures": {"distinct": 3, "available": 2, "no such file in the Hub repo": 1},
    }
    asked = hub.requests()
    assert asked
    prefix = f"/datasets/{alignbench.HUB_RELEASE}/resolve/{alignbench.HUB_REVISION}/"
    assert [request.path for request in asked if not request.path.startswith(prefix)] == []

    hub.forget_requests()
    assert load_afresh(offline=True, gone=True) == online
    assert load_afresh(offline=True, gone=True, cache_dir=str(tmp_path / "fresh"))["rows"] == EXPECTED
    assert hub.requests() == []


def test_a_second_load_asks_nothing(hub, release, load):
    commit = hub.seed("me/other", release)
    assert load(revision=commit) == EXPECTED
    hub.forget_requests()
    assert load(revision=commit) == EXPECTED
    assert hub.requests() == []


def test_a_moved_branch_is_noticed_and_then_works_without_the_hub(hub, release, load):
    hub.seed("me/other", release)
    assert load() == EXPECTED
    kept = rows(release)[:3]
    write(release, kept)
    hub.seed("me/other", release)
    for options in ({}, {"offline": True}, {"gone": True}, {"revision": "main"}):
        assert load(**options) == EXPECTED[:3]


def test_an_older_commit_is_read_by_its_revision(hub, release, load):
    old = hub.seed("me/other", release)
    write(release, rows(release)[:3])
    hub.seed("me/other", release)
    assert load(revision=old) == EXPECTED
    assert load() == EXPECTED[:3]


def test_a_commit_is_resolved_once(hub, release, load):
    hub.seed("me/other", release)
    load()
    assert len(hub.requests("^HEAD .*/resolve/main/")) == 1


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_private_release_is_read_with_a_token(hub, release, load, by):
    hub.store.create("dataset", "me/private", private=True)
    hub.seed("me/private", release)
    token = {"token" if by == "argument" else "env_token": READ_TOKEN}
    assert load(release="me/private", **token) == EXPECTED
    assert load(release="me/private", offline=True) == EXPECTED


def test_only_pictures_of_the_wanted_captioners_are_downloaded(hub, release, load):
    hub.seed("me/other", release)
    assert load(captioners=["borea"]) == EXPECTED[3:6]
    asked = {request.path.rpartition("/")[2] for request in hub.requests()}
    assert asked == {"halcap_bench.jsonl", "borea.png", "withdrawn.jsonl"}


@pytest.mark.parametrize("images", ["auto", "release"])
def test_streaming_gives_the_same_rows(hub, release, load, images):
    hub.seed("me/other", release)
    assert load(streaming=True, images=images) == EXPECTED


def test_skip_downloads_no_picture(hub, release, load):
    hub.seed("me/other", release)
    found = load(images="skip")
    assert found == [{**row, "size": None} for row in EXPECTED]
    assert hub.requests("png") == []


def test_sentences_that_a_release_withdraws_are_unknown(hub, release, load):
    (release / "withdrawn.jsonl").write_text('{"id": "atlas/atlas/1", "reason": "a person asked"}\n')
    hub.seed("me/other", release)
    for options in ({}, {"offline": True}):
        labels = {row["id"]: row["label"] for row in load(**options)}
        assert [name for name, label in labels.items() if label == 2] == ["atlas/atlas/1"]


# What cannot be had


def private(hub, release):
    hub.store.create("dataset", "me/other", private=True)
    hub.seed("me/other", release)


def gated(hub, release):
    hub.seed("me/other", release)
    hub.gate("me/other")


def without_jsonl(hub, release):
    (release / "halcap_bench.jsonl").unlink()
    hub.seed("me/other", release)


def sound(hub, release):
    hub.seed("me/other", release)


def failing(status, pattern=""):
    def seed(hub, release):
        hub.seed("me/other", release)
        hub.fail(pattern, status=status)

    return seed


def missing(hub, release):
    pass


LOG_IN = "log in (`hf auth login`, or set HF_TOKEN)"


@pytest.mark.parametrize("by", ["branch", "commit"])
@pytest.mark.parametrize(
    ("state", "options", "said"),
    [
        (missing, {}, f": no such dataset repo, or it is private; check release= and {LOG_IN}"),
        (private, {}, f": no such dataset repo, or it is private; check release= and {LOG_IN}"),
        (gated, {"token": STRANGER_TOKEN}, ": access is restricted; ask for it on the repo's page"),
        (failing(401), {}, f": the Hub answered 401; {LOG_IN}"),
        (failing(403), {}, f": the Hub answered 403; {LOG_IN}"),
        (failing(500), {}, ": the Hub answered 500; try again later"),
        (failing(500, "^GET"), {}, ": the Hub answered 500; try again later"),
        (without_jsonl, {}, ": it holds no halcap_bench.jsonl; check release= and revision="),
        (sound, {"revision": "f" * 40}, ": no such revision; check revision="),
        (
            sound,
            {"gone": True},
            " is not in the cache and cannot be reached: check the network and HF_ENDPOINT",
        ),
        (
            sound,
            {"offline": True},
            " is not in the cache and cannot be reached: unset HF_HUB_OFFLINE for one load",
        ),
    ],
)
def test_the_message_says_what_to_do(hub, release, load, state, options, said, by):
    state(hub, release)
    repo = hub.store.find("dataset", "me/other")
    revision = "main" if by == "branch" else repo.branches["main"] if repo else "0" * 40
    if by == "branch" and "revision" in options:
        options = {"revision": "nowhere"}
    options = {"revision": revision, **options}
    with pytest.raises(alignbench.ReleaseError) as error:
        load(**options)
    hub_url = NOBODY if options.get("gone") else hub.url
    where = f"me/other at {options['revision']} on {hub_url}"
    assert str(error.value) == f"{where}{said}, or give a local release folder with data_dir="


def test_a_full_disk_is_not_called_a_network_problem(hub, release, load, tmp_path):
    hub.seed("me/other", release)
    (tmp_path / "hub cache").write_text("a file where the cache would be")
    with pytest.raises(OSError, match="hub cache"):
        load()


def test_pictures_that_the_hub_fails_to_give_are_reported_and_tried_again(hub, release, load):
    hub.seed("me/other", release)
    hub.fail("images/atlas", status=500)
    without = [{**row, "size": None} if row["id"].startswith("atlas") else row for row in EXPECTED]
    assert load() == without
    with pytest.raises(alignbench.ReleaseError, match=r"line 1: Hub answered 500: images/atlas.png"):
        load(images="require")
    hub.heal()
    assert load(download_mode="force_redownload") == EXPECTED
