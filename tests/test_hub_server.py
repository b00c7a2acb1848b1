"""The local Hub answers the real clients as the Hub does."""

import hashlib
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub import READ_TOKEN, STRANGER_TOKEN, WRITE_TOKEN, Hub
from huggingface_hub import HfApi, constants
from huggingface_hub.utils import (
    BadRequestError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

PINNED = "c4fa73500fc2afe437b3d7fe56c91e607e2be5c2"
ROWS_PER_GROUP = 10


@pytest.fixture
def hub(tmp_path, monkeypatch):
    # The environment variable is read once, at import; 0.24 knows no Xet.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)
    with Hub(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def api(hub):
    return HfApi(endpoint=hub.url, token=WRITE_TOKEN)


@pytest.fixture
def folder(tmp_path):
    """A text file, a small binary file and a Parquet file of three row groups, noise so as not to shrink."""
    folder = tmp_path / "folder"
    (folder / "images").mkdir(parents=True)
    (folder / "notes.txt").write_text("first line\n")
    (folder / "images" / "0.png").write_bytes(bytes(range(256)) * 100)
    noise = pa.array([random.Random(n).randbytes(10_000) for n in range(3 * ROWS_PER_GROUP)])
    table = pa.table({"n": pa.array(range(3 * ROWS_PER_GROUP)), "noise": noise})
    pq.write_table(table, folder / "test.parquet", row_group_size=ROWS_PER_GROUP, compression="none")
    return folder


def run_client(hub, home, code, xet=False):
    """Run code with the libraries pointed at the hub; returns the JSON that it prints last."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=hub.env(home, xet=xet),
        capture_output=True,
        text=True,
        cwd=home.parent,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def download(api, hub, tmp_path, path, **kwargs):
    kwargs.setdefault("repo_type", "dataset")
    return Path(api.hf_hub_download("me/data", path, cache_dir=tmp_path / "cache", **kwargs)).read_bytes()


@pytest.mark.smoke
def test_uploaded_folder_is_listed_and_comes_back_byte_for_byte(hub, api, folder, tmp_path):
    api.create_repo("me/data", repo_type="dataset")
    api.upload_folder(repo_id="me/data", repo_type="dataset", folder_path=folder)

    nodes = list(api.list_repo_tree("me/data", repo_type="dataset", recursive=True, expand=True))
    assert [n.path for n in nodes] == ["images", "images/0.png", "notes.txt", "test.parquet"]
    assert {n.path for n in nodes if getattr(n, "lfs", None)} == {"images/0.png", "test.parquet"}
    for path in ("images/0.png", "notes.txt", "test.parquet"):
        assert download(api, hub, tmp_path, path) == (folder / path).read_bytes()
    assert api.get_paths_info("me/data", ["notes.txt"], repo_type="dataset")[0].size == 11


@pytest.mark.smoke
def test_folder_is_one_commit_and_a_second_upload_sends_no_lfs_object(hub, api, folder):
    api.create_repo("me/data", repo_type="dataset")
    for _ in range(2):
        api.upload_folder(repo_id="me/data", repo_type="dataset", folder_path=folder)
    assert len(hub.commits("me/data")) == 2  # the initial one and the folder
    assert len(hub.requests("^PUT /lfs/")) == 2  # the picture and the Parquet file, once


@pytest.mark.parametrize("type_", ["model", "dataset", "space"])
def test_repository_types_do_not_share_names(hub, api, type_):
    api.create_repo("me/data", repo_type=type_, space_sdk="gradio" if type_ == "space" else None)
    assert [t for t in ("model", "dataset", "space") if api.repo_exists("me/data", repo_type=t)] == [type_]
    assert api.repo_info("me/data", repo_type=type_).id == "me/data"
    assert api.space_info("me/data").sdk == "gradio" if type_ == "space" else True


@pytest.mark.smoke
def test_seeded_repository_has_the_chosen_commit_sha(hub, api, folder, tmp_path):
    hub.seed("me/data", folder, sha=PINNED)
    assert api.dataset_info("me/data").sha == PINNED
    assert download(api, hub, tmp_path, "notes.txt", revision=PINNED) == b"first line\n"


def test_branch_tag_and_pull_request_each_keep_their_own_files(hub, api, folder, tmp_path):
    hub.seed("me/data", folder)
    api.create_branch("me/data", repo_type="dataset", branch="old")
    api.create_tag("me/data", repo_type="dataset", tag="v1")
    change = {"path_in_repo": "notes.txt", "repo_id": "me/data", "repo_type": "dataset"}
    api.upload_file(path_or_fileobj=b"second\n", **change)
    pull = api.upload_file(path_or_fileobj=b"proposed\n", create_pr=True, **change)

    found = {
        r: download(api, hub, tmp_path, "notes.txt", revision=r) for r in ("old", "v1", "main", "refs/pr/1")
    }
    assert found == {
        "old": b"first line\n",
        "v1": b"first line\n",
        "main": b"second\n",
        "refs/pr/1": b"proposed\n",
    }
    assert pull.pr_revision == "refs/pr/1"
    refs = api.list_repo_refs("me/data", repo_type="dataset", include_pull_requests=True)
    assert [r.name for r in refs.branches] == ["main", "old"]
    assert [r.ref for r in refs.pull_requests] == ["refs/pr/1"]


def test_commit_on_a_stale_parent_is_refused(hub, api, folder):
    sha = hub.seed("me/data", folder)
    change = {"path_in_repo": "notes.txt", "repo_id": "me/data", "repo_type": "dataset"}
    api.upload_file(path_or_fileobj=b"second\n", **change)
    with pytest.raises(HfHubHTTPError, match="412"):
        api.upload_file(path_or_fileobj=b"third\n", parent_commit=sha, **change)
    assert hub.files("me/data")["notes.txt"] == b"second\n"


@pytest.mark.smoke
def test_missing_repository_revision_and_file_have_their_own_errors(hub, api, folder, tmp_path):
    hub.seed("me/data", folder)
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info("me/nothing")
    with pytest.raises(RepositoryNotFoundError):
        api.hf_hub_download("me/data", "notes.txt", repo_type="model", cache_dir=tmp_path / "cache")
    with pytest.raises(RevisionNotFoundError):
        download(api, hub, tmp_path, "notes.txt", revision="v9")
    with pytest.raises(EntryNotFoundError):
        download(api, hub, tmp_path, "no.txt")


def test_gated_repository_is_closed_to_strangers_and_open_to_the_allowed(hub, folder, tmp_path):
    hub.seed("me/data", folder)
    hub.gate("me/data")
    for token in (False, STRANGER_TOKEN):
        with pytest.raises(GatedRepoError):
            download(HfApi(hub.url), hub, tmp_path, "notes.txt", token=token)
    hub.gate("me/data", allowed=("stranger",))
    assert download(HfApi(hub.url, token=STRANGER_TOKEN), hub, tmp_path, "notes.txt") == b"first line\n"


def test_private_repository_does_not_exist_for_others(hub, api):
    api.create_repo("me/data", repo_type="dataset", private=True)
    for token in (False, STRANGER_TOKEN):
        with pytest.raises(RepositoryNotFoundError):
            HfApi(hub.url, token=token).dataset_info("me/data")
    assert api.dataset_info("me/data").private is True


@pytest.mark.parametrize(("token", "status"), [(READ_TOKEN, 403), (STRANGER_TOKEN, 403), ("hf_wrong", 401)])
def test_tokens_without_the_right_write_nothing(hub, folder, token, status):
    hub.seed("me/data", folder)
    with pytest.raises(HfHubHTTPError) as refused:
        HfApi(hub.url, token=token).upload_file(
            path_or_fileobj=b"x", path_in_repo="notes.txt", repo_id="me/data", repo_type="dataset"
        )
    assert refused.value.response.status_code == status
    assert hub.files("me/data")["notes.txt"] == b"first line\n"


def test_required_token_answers_401_without_one(hub, folder):
    hub.seed("me/data", folder)
    hub.server.require_token = True
    with pytest.raises(RepositoryNotFoundError, match="401"):
        HfApi(hub.url, token=False).dataset_info("me/data")
    assert HfApi(hub.url, token=READ_TOKEN).dataset_info("me/data").id == "me/data"


def test_name_that_the_hub_refuses_is_a_bad_request(hub, api):
    # The client checks names itself: only a server that is asked directly says so.
    from huggingface_hub.utils import get_session, hf_raise_for_status

    answer = get_session().post(
        f"{hub.url}/api/repos/create",
        json={"name": "no spaces", "type": "dataset"},
        headers={"Authorization": f"Bearer {WRITE_TOKEN}"},
    )
    with pytest.raises(BadRequestError, match="no spaces"):
        hf_raise_for_status(answer)


def test_fault_answers_500_as_often_as_asked_and_then_heals(hub, api, folder):
    hub.seed("me/data", folder)
    hub.fail("GET /api/datasets", status=500, times=1)
    with pytest.raises(HfHubHTTPError, match="500"):
        api.dataset_info("me/data")
    assert api.dataset_info("me/data").id == "me/data"


def test_upload_cut_off_leaves_no_object_and_no_commit(hub, api, folder, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)  # the client waits between its retries
    hub.seed("me/data", folder)
    before = hub.files("me/data")
    hub.cut_uploads(after=10_000)
    with pytest.raises(Exception):  # noqa: B017, PT011 (connection errors of requests or httpx, by version)
        api.upload_file(
            path_or_fileobj=b"q" * 200_000, path_in_repo="q.bin", repo_id="me/data", repo_type="dataset"
        )
    assert hub.requests("^PUT /lfs/")  # waits until the server, too, is done with the last one
    assert hub.files("me/data") == before
    assert not list((hub.store.root / "blobs").glob("part-*"))


def test_range_request_gets_just_these_bytes_and_head_none(hub, folder):
    from huggingface_hub.utils import get_session

    hub.seed("me/data", folder)
    url = f"{hub.url}/datasets/me/data/resolve/main/images/0.png"
    content = (folder / "images" / "0.png").read_bytes()
    ranges = {
        "bytes=10-19": content[10:20],
        "bytes=-5": content[-5:],
        f"bytes={len(content) - 3}-": content[-3:],
    }
    for header, expected in ranges.items():
        answer = get_session().get(url, headers={"Range": header})
        assert (answer.status_code, answer.content) == (206, expected)
    assert get_session().get(url, headers={"Range": "bytes=99999-"}).status_code == 416
    assert int(get_session().head(url).headers["Content-Length"]) == len(content)
    assert [r.sent for r in hub.requests("resolve")] == [10, 5, 3, 0, 0]


def test_state_survives_a_restart_of_the_server(hub, api, folder, tmp_path):
    sha = hub.seed("me/data", folder)
    hub.gate("me/data", allowed=("stranger",))
    with Hub(hub.store.root) as again:
        assert HfApi(again.url).dataset_info("me/data").sha == sha
        assert again.files("me/data") == hub.files("me/data")


LOAD = """
import hashlib
import json
from datasets import load_dataset
rows = load_dataset("me/data", split="test")
print(json.dumps([rows["n"][:], hashlib.sha256(b"".join(rows["noise"])).hexdigest()]))
"""

STREAM = """
import json
from datasets import load_dataset
row = next(iter(load_dataset("me/data", split="test", streaming=True)))
print(json.dumps([row["n"], len(row["noise"])]), flush=True)
import os; os._exit(0)  # leaving a stream half-read can hang pyarrow's threads at exit
"""


def test_load_dataset_reads_a_parquet_repository(hub, folder, tmp_path):
    hub.seed("me/data", folder)
    numbers, digest = run_client(hub, tmp_path / "home", LOAD)
    table = pq.read_table(folder / "test.parquet")
    assert numbers == table["n"].to_pylist()
    assert digest == hashlib.sha256(b"".join(table["noise"].to_pylist())).hexdigest()


def test_streaming_reads_by_ranges_and_only_the_files_it_needs(hub, folder, tmp_path):
    (folder / "test.parquet").rename(folder / "test-00000-of-00002.parquet")
    shutil.copyfile(folder / "test-00000-of-00002.parquet", folder / "test-00001-of-00002.parquet")
    hub.seed("me/data", folder)
    assert run_client(hub, tmp_path / "home", STREAM) == [0, 10_000]
    gets = hub.requests("GET .*resolve/.*parquet")
    assert gets
    assert {r.path.rpartition("/")[2] for r in gets} == {"test-00000-of-00002.parquet"}
    assert all(r.status == 206 and r.range for r in gets)


def test_metric_script_is_fetched_from_a_space(hub, tmp_path):
    space = tmp_path / "space"
    space.mkdir()
    (space / "parrot.py").write_text(
        "import datasets\n"
        "import evaluate\n"
        "class Parrot(evaluate.Metric):\n"
        "    def _info(self):\n"
        "        features = datasets.Features({'predictions': datasets.Value('float64')})\n"
        "        return evaluate.MetricInfo(description='', citation='', features=features)\n"
        "    def _compute(self, predictions):\n"
        "        return {'parrot': predictions}\n"
    )
    hub.seed("me/parrot", space, "space")
    code = (
        "import evaluate, json; print(json.dumps(evaluate.load('me/parrot').compute(predictions=[1.0, 2.0])))"
    )
    assert run_client(hub, tmp_path / "home", code) == {"parrot": [1.0, 2.0]}


UPLOAD_TWICE = """
import random
from huggingface_hub import HfApi
noise = random.Random(1).randbytes(3_000_000) + b"what compresses " * 50_000
api = HfApi()
api.create_repo("me/data", repo_type="dataset")
for content in (noise, noise[:1_000_000] + b"three" + noise[1_000_000:]):
    place = {"path_in_repo": "noise.bin", "repo_id": "me/data", "repo_type": "dataset"}
    api.upload_file(path_or_fileobj=content, **place)
print(0)
"""


def test_xet_upload_sends_only_what_changed(hub, tmp_path):
    pytest.importorskip("hf_xet", reason="hf_xet is not installed")
    run_client(hub, tmp_path / "home", UPLOAD_TWICE, xet=True)
    noise = random.Random(1).randbytes(3_000_000) + b"what compresses " * 50_000
    assert hub.files("me/data")["noise.bin"] == noise[:1_000_000] + b"three" + noise[1_000_000:]
    first, second = hub.requests("POST /v1/xorbs/")
    assert first.received > 3_000_000 > 300_000 > second.received
    assert hub.requests("^PUT /lfs/") == []


def test_process_of_its_own_serves_and_keeps_a_log(folder, tmp_path):
    seeded = ["--seed", "dataset", "me/data", folder, "--sha", PINNED]
    server = subprocess.Popen(
        [sys.executable, "-m", "hub", "--root", tmp_path / "hub", *seeded],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        url = server.stdout.readline().strip()
        assert HfApi(url).dataset_info("me/data").sha == PINNED
    finally:
        server.terminate()
        server.wait()
    lines = [json.loads(line) for line in (tmp_path / "hub" / "requests.jsonl").read_text().splitlines()]
    assert [(r["method"], r["status"]) for r in lines] == [("GET", 200)]
