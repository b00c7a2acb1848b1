"""A detector over Ray with two workers: the same scores as without, also where a worker is killed."""

import logging
import os
import signal
import threading
import time
from pathlib import Path

import datasets
import pytest

ray = pytest.importorskip("ray")
pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_models

from alignbench_tools import detectors, ray_engine, scores, scoring
from alignbench_tools.captions import Captions

# Ray's word for a worker that has nothing to do.
pytestmark = pytest.mark.filterwarnings("error:The minimum number of concurrent actors")
OPTIONS = {"device": "cpu", "batch_size": 1}


@pytest.fixture(scope="module", autouse=True)
def cluster():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")  # workers have the environment of the start
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return f"clip/{tiny_models.save('clip', tmp_path_factory.mktemp('model'), 16)}"


@pytest.fixture(scope="module")
def captions():
    return Captions(datasets.load_dataset("alignbench", "sample", split="test"))


@pytest.fixture(scope="module")
def plain(model, captions, tmp_path_factory):
    """The scores without Ray."""
    out = tmp_path_factory.mktemp("plain") / "scores.jsonl"
    return scoring.run(detectors.build(model, OPTIONS), captions, out, progress=False)


def assert_same(found, plain):
    assert [row.id for row in found.rows()] == [row.id for row in plain.rows()]
    for one, other in zip(found.rows(), plain.rows(), strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-5)
        assert one[2:6] == other[2:6]  # status, raw, tokens
    scores.check_same(found.header, plain.header)
    assert found.header["usage"]["sentences_cut"] == plain.header["usage"]["sentences_cut"] > 0


def test_two_workers_give_the_scores_of_a_run_without_ray(model, captions, plain, tmp_path):
    out = tmp_path / "scores.parquet"
    found = ray_engine.run(model, OPTIONS, captions, out, workers=2, progress=False)
    assert_same(found, plain)
    assert_same(scores.read(out), plain)
    assert {path.name for path in tmp_path.iterdir()} <= {"scores.parquet", "scores.parquet.lock"}


def _workers():
    """Ids of the actors' processes: they descend from this process and Ray names them so."""
    parents, named = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"MapWorker(MapBatches(Worker))" in (folder / "cmdline").read_bytes():
                named.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in named if os.getpid() in _ancestors(pid, parents)]


def _ancestors(pid, parents):
    while pid in parents:
        pid = parents[pid]
        yield pid


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the workers' processes in /proc")
def test_a_worker_that_is_killed_changes_no_score(model, captions, plain, tmp_path):
    out = tmp_path / "scores.parquet"
    killed, written = [], []

    def kill():
        folder = tmp_path / "scores.parquet.parts" / "scores"
        while not list(folder.glob("*.parquet")):
            time.sleep(0.002)
        victim = _workers()[0]
        os.kill(victim, signal.SIGKILL)
        killed.append(victim)
        written.append(len(list(folder.glob("*.parquet"))))

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found = ray_engine.run(model, OPTIONS, captions, out, workers=2, progress=False)
    killer.join(timeout=1)
    assert len(killed) == 1
    assert not Path(f"/proc/{killed[0]}").exists()
    assert 0 < written[0] < len(captions) / 4  # there was work left, in batches of four
    assert_same(found, plain)


@pytest.fixture(scope="module")
def lengths(captions, tmp_path_factory):
    """The scores of a control, which is quicker, without Ray."""
    out = tmp_path_factory.mktemp("lengths") / "scores.jsonl"
    return scoring.run(detectors.build("control/length", {}), captions, out, progress=False)


def test_a_detector_that_does_not_look_runs_without_pictures_and_parts_of_a_killed_run_are_kept(
    captions, lengths, tmp_path
):
    folder = tmp_path / "scores.jsonl.parts" / "scores"
    folder.mkdir(parents=True)
    kept = [row._replace(score=99.0) for row in lengths.rows()[:10]]
    scores.write(scores.Scores.from_rows(lengths.header, kept), folder / "first.parquet")
    found = ray_engine.run("control/length", {}, captions, tmp_path / "scores.jsonl", progress=False)
    assert found.rows() == kept + lengths.rows()[10:]
    assert not folder.exists()


def test_parts_of_another_run_are_refused_with_the_difference(captions, lengths, tmp_path):
    folder = tmp_path / "scores.jsonl.parts" / "scores"
    folder.mkdir(parents=True)
    other = lengths.header | {"parameters": {"unit": "letters"}}
    scores.write(scores.Scores.from_rows(other, lengths.rows()[:3]), folder / "first.parquet")
    with pytest.raises(ValueError, match=r"another run.*parameters: .*letters"):
        ray_engine.run("control/length", {}, captions, tmp_path / "scores.jsonl", progress=False)
    assert not (tmp_path / "scores.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "workers", "message"),
    [
        ("clip/nowhere/at-all", 2, r"clip/nowhere/at-all: the model cannot be loaded"),
        ("clip/any", 0, r"--workers 0: expected at least 1"),
    ],
)
def test_what_the_user_can_mend_is_said_without_rays_account_of_it(
    name, workers, message, captions, tmp_path
):
    with pytest.raises(ValueError, match=message) as caught:
        ray_engine.run(name, OPTIONS, captions, tmp_path / "s.jsonl", workers=workers, progress=False)
    assert "Traceback" not in str(caught.value)
    assert not (tmp_path / "s.jsonl").exists()
