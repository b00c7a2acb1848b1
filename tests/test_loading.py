"""`load_dataset("alignbench", ...)` works by bare name, by every route, and gives the same rows."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
from datasets import load_dataset

import alignbench

PROJECT = Path(alignbench.__file__).resolve().parent
# Of all rows of the sample, pictures by their bytes: holds every version of `datasets` to the same rows.
SAMPLE_DIGEST = "a05d44a9c2c497db235ece2ff67e704699bc42c7569b5b89d588fd638c5d3cde"


def canonical(row):
    """A row as JSON, its picture by the digest of its bytes."""
    row = dict(row)
    picture = row.pop("image")
    if picture is not None:
        data = picture["bytes"] or Path(picture["path"]).read_bytes()
        row["image"] = hashlib.sha256(data).hexdigest()
    return json.dumps(row, sort_keys=True, ensure_ascii=False)


def digest(rows):
    return hashlib.sha256("\n".join(map(canonical, rows)).encode()).hexdigest()


def undecoded(dataset):
    return dataset.cast_column("image", datasets.Image(decode=False))


@pytest.mark.smoke
def test_the_sample_is_the_same_with_every_version_of_datasets():
    assert digest(undecoded(load_dataset("alignbench", "sample", split="test"))) == SAMPLE_DIGEST


@pytest.mark.smoke
def test_streaming_gives_the_same_rows():
    stream = load_dataset("alignbench", "sample", split="test", streaming=True)
    assert digest(undecoded(stream)) == SAMPLE_DIGEST


@pytest.mark.smoke
@pytest.mark.parametrize("config", ["sentences", "captions"])
def test_worker_processes_give_the_same_rows(config, tmp_path):
    own = {"data_dir": str(PROJECT / "sample"), "split": "test"}
    one = load_dataset("alignbench", config, **own, cache_dir=str(tmp_path / "1"))
    two = load_dataset("alignbench", config, **own, cache_dir=str(tmp_path / "2"), num_proc=2)
    assert digest(undecoded(two)) == digest(undecoded(one))


@pytest.mark.smoke
def test_streamed_captions_are_whole():
    folder = str(PROJECT / "sample")
    built = load_dataset("alignbench", "captions", data_dir=folder, split="test")
    stream = load_dataset("alignbench", "captions", data_dir=folder, split="test", streaming=True)
    assert digest(undecoded(stream)) == digest(undecoded(built))


@pytest.mark.script_route
@pytest.mark.skipif(int(datasets.__version__.split(".")[0]) >= 4, reason="datasets >= 4 runs no scripts")
def test_the_script_route_gives_the_same_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    rows = load_dataset(
        "alignbench.py", "sample", split="test", trust_remote_code=True, cache_dir=str(tmp_path)
    )
    assert digest(undecoded(rows)) == SAMPLE_DIGEST
    folder = str(PROJECT / "sample")
    rows = load_dataset(
        "alignbench.py", split="test", trust_remote_code=True, data_dir=folder, cache_dir=str(tmp_path)
    )
    assert digest(undecoded(rows)) == SAMPLE_DIGEST


@pytest.mark.smoke
def test_features_of_a_loaded_dataset_are_the_declared_ones():
    for config in ("sentences", "captions"):
        rows = load_dataset("alignbench", config, data_dir=str(PROJECT / "sample"), split="test")
        assert rows.features == alignbench.features(config)
    assert rows.features["direction"].names == list(alignbench.DIRECTIONS)


@pytest.mark.smoke
def test_names_and_builder_are_found_by_bare_name():
    assert datasets.get_dataset_config_names("alignbench") == ["sentences", "captions", "sample"]
    assert datasets.get_dataset_split_names("alignbench", "sample") == ["test"]
    builder = datasets.load_dataset_builder("alignbench", "sample")
    assert builder.info.features["label"].names == list(alignbench.LABELS)


@pytest.mark.smoke
def test_bare_names_work_in_an_empty_folder_without_any_request(fresh_process):
    code = """
import socket
def refuse(*a, **k): raise AssertionError(f"a connection was tried: {a}")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from datasets import load_dataset
import alignbench
import evaluate
print(load_dataset("alignbench", "sample", split="test").num_rows)
print(evaluate.load("alignbench_auroc").compute(predictions=[0.1, 0.9], references=[0, 1])["auroc"])
"""
    assert fresh_process(code).stdout.split() == ["217", "1.0"]


@pytest.mark.smoke
@pytest.mark.parametrize("beside", ["alignbench.py", "data.csv"])
def test_registration_wins_over_a_folder_of_the_same_name(fresh_process, tmp_path, beside):
    folder = tmp_path / "empty" / "alignbench"
    folder.mkdir()
    (folder / beside).write_text("a,b\n1,2\n")
    code = """
import sys
sys.path = [p for p in sys.path if p]
import alignbench
from datasets import load_dataset
print(load_dataset("alignbench", "sample", split="test").num_rows)
"""
    assert fresh_process(code).stdout.split() == ["217"]


def test_importing_alignbench_does_not_import_evaluate(fresh_process):
    code = "import sys, alignbench; print('evaluate' in sys.modules)"
    assert fresh_process(code).stdout.split() == ["False"]


def test_the_metric_is_registered_when_evaluate_was_imported_first(fresh_process):
    code = """
import evaluate
import alignbench
import importlib
importlib.reload(alignbench)
print(evaluate.load("alignbench_auroc").compute(predictions=[0.1, 0.9], references=[1, 0])["auroc"])
"""
    assert fresh_process(code).stdout.split() == ["0.0"]


def test_other_names_still_go_where_they_went(tmp_path):
    (tmp_path / "rows.csv").write_text("a\n1\n")
    rows = load_dataset("csv", data_files=str(tmp_path / "rows.csv"), split="train", cache_dir=str(tmp_path))
    assert rows[0] == {"a": 1}


def test_missing_private_names_give_a_warning_that_says_what_to_do(fresh_process):
    code = """
import datasets.load
del datasets.load.dataset_module_factory
import alignbench
"""
    warning = fresh_process(code).stderr
    assert "could not register its names" in warning
    assert "alignbench.AlignBench(config_name=" in warning


def test_what_the_warning_says_works(tmp_path):
    builder = alignbench.AlignBench(config_name="sample", cache_dir=str(tmp_path))
    builder.download_and_prepare()
    assert digest(undecoded(builder.as_dataset(split="test"))) == SAMPLE_DIGEST


@pytest.mark.smoke
def test_a_changed_release_is_built_anew_and_an_unchanged_one_is_reused(write_release, tmp_path):
    folder = write_release({})
    options = {"data_dir": str(folder), "split": "test", "images": "skip", "cache_dir": str(tmp_path / "c")}
    first = load_dataset("alignbench", **options)
    again = load_dataset("alignbench", **options)
    assert again.cache_files == first.cache_files
    write_release({}, {"sentence_index": 1})
    assert load_dataset("alignbench", **options).num_rows == 2
    (folder / "withdrawn.jsonl").write_text('{"id": "atlas/1/1", "reason": "asked for"}\n')
    assert load_dataset("alignbench", **options)["label"][1] == 2


def test_the_report_is_beside_the_rows(write_release, tmp_path):
    folder = write_release({}, "oops")
    rows = load_dataset(
        "alignbench", data_dir=str(folder), split="test", images="skip", cache_dir=str(tmp_path / "c")
    )
    report = alignbench.report(rows)
    assert report.counts() == {"bad_json": 1}
    assert (report.lines, report.rows, report.captioners) == (2, 1, {"atlas": 1})
    with pytest.raises(FileNotFoundError, match="not loaded from the cache by alignbench"):
        alignbench.report(datasets.Dataset.from_dict({"a": [1]}))


def test_the_report_is_found_without_a_split_and_a_stream_says_that_it_has_none(write_release, tmp_path):
    options = {"data_dir": str(write_release({}, "oops")), "images": "skip", "cache_dir": str(tmp_path / "c")}
    assert alignbench.report(load_dataset("alignbench", **options)).counts() == {"bad_json": 1}
    with pytest.raises(FileNotFoundError, match="without streaming=True"):
        alignbench.report(load_dataset("alignbench", split="test", streaming=True, **options))


def test_a_release_without_a_usable_line_says_why(write_release, tmp_path):
    folder = write_release({"annotation": "perhaps"})
    with pytest.raises(alignbench.ReleaseError, match=r"no line can be used:(.|\n)*unknown_label"):
        load_dataset("alignbench", data_dir=str(folder), cache_dir=str(tmp_path / "c"))


def test_the_same_rows_come_from_a_relative_folder(write_release, tmp_path, monkeypatch):
    write_release({})
    monkeypatch.chdir(tmp_path)
    rows = load_dataset(
        "alignbench", data_dir="release", split="test", images="skip", cache_dir=str(tmp_path / "c")
    )
    assert rows["id"][0] == "atlas/1/0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": "all"}, "take 'auto', 'release', 'skip' or 'require'"),
        ({"data_files": "a.jsonl"}, "give data_dir=, not data_files="),
        ({"name": "sample", "data_dir": "."}, "the sample is embedded"),
        ({"data_dir": ".", "revision": "main"}, "leave out release= and revision="),
        ({"data_dir": ".", "image_dirs": "/data"}, "expected {image_source: folder}"),
    ],
)
def test_wrong_options_say_what_to_give(options, message):
    with pytest.raises(ValueError, match=message):
        load_dataset("alignbench", **options)


def test_strict_goes_through_load_dataset(write_release, tmp_path):
    folder = write_release({}, "oops")
    with pytest.raises(alignbench.ReleaseError, match="bad_json"):
        load_dataset("alignbench", data_dir=str(folder), strict=True, cache_dir=str(tmp_path / "c"))


def test_an_installed_wheel_carries_the_sample_and_the_metric(tmp_path):
    pytest.importorskip("setuptools")
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    copy = tmp_path / "source"
    tracked = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files"], capture_output=True, text=True
    ).stdout.split("\n")
    if tracked == [""]:
        pytest.skip("not a git checkout")
    for name in filter(None, tracked):
        if (PROJECT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((PROJECT / name).read_bytes())
    subprocess.run([*command, str(copy)], check=True, capture_output=True)
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import alignbench, evaluate
from datasets import load_dataset
assert alignbench.__file__.startswith(sys.argv[1])
print(load_dataset("alignbench", "sample", split="test")[0]["image"].size)
print(evaluate.load("alignbench_auroc").compute(predictions=[0.1, 0.9], references=[0, 1])["auroc"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["(384,", "288)", "1.0"]
