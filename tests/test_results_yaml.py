"""`alignbench results-yaml`: a saved result becomes entries that the Hub's own reader understands."""

import json

import alignbench_auroc
import pytest
import yaml

from alignbench_tools import results_yaml
from alignbench_tools.__main__ import main

VALUES = {
    "auroc": 0.8,
    "auroc_low": 0.7,
    "auroc_high": 0.9,
    "auroc_pooled": 0.81,
    "auroc_llava": 0.75,
    "auroc_llava_low": 0.7,
    "auroc_llava_high": 0.8,
    "auroc_gpt4o-imagen": 0.85,
    "auroc_gpt4o-imagen_low": 0.8,
    "auroc_gpt4o-imagen_high": 0.9,
    "auroc_alone": None,
    "n": 100,
}
RESULT = {"values": VALUES, "signature": {"version": "0.1.0", "n": 100, "unknown": "dropped"}, "notes": []}


@pytest.fixture
def entries():
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    if not hasattr(hub, "EvalResultEntry"):
        pytest.skip("this huggingface_hub has no evaluation results")
    from huggingface_hub import parse_eval_result_entries

    return lambda text: parse_eval_result_entries(yaml.safe_load(text))


def test_an_entry_for_the_mean_and_each_captioner_that_has_a_number(entries):
    found = entries(
        results_yaml.results(RESULT, "me/alignbench", "c" * 40, "https://example.org", "2026-01-31")
    )
    assert {entry.task_id: entry.value for entry in found} == {
        "mean": 0.8,
        "llava": 0.75,
        "gpt4o-imagen": 0.85,
    }
    assert {(e.dataset_id, e.dataset_revision, e.source_url) for e in found} == {
        ("me/alignbench", "c" * 40, "https://example.org")
    }


def test_notes_hold_the_signature(entries):
    for entry in entries(results_yaml.results(RESULT, "me/alignbench")):
        assert entry.notes == "n=100; unknown=dropped; version=0.1.0"


def test_intervals_are_told_from_captioners_of_such_a_name():
    values = {"auroc": 0.5, "auroc_low": 0.4, "auroc_high": 0.6, "auroc_very_low": 0.7}
    assert results_yaml._scores(values) == {"mean": 0.5, "very_low": 0.7}


def test_command_writes_the_file_where_a_model_repo_has_it(entries, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    assert main(["results-yaml", "result.json"]) == 0
    written = tmp_path / ".eval_results" / "alignbench.yaml"
    assert len(entries(written.read_text())) == 3
    assert [path.name for path in written.parent.iterdir()] == ["alignbench.yaml"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected the JSON of a result"),
        ("[1]", "expected an object with `values` and `signature`"),
        ('{"values": {}, "signature": {}}', "has no `auroc`"),
    ],
)
def test_file_that_is_no_result_is_said(entries, tmp_path, capsys, content, message):
    path = tmp_path / "result.json"
    path.write_text(content)
    assert main(["results-yaml", str(path), "--out", str(tmp_path / "out.yaml")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.yaml").exists()


def test_benchmark_has_a_task_for_each_captioner_and_the_mean():
    document = yaml.safe_load(results_yaml.benchmark(["llava", "qwen"]))
    assert document["name"] == "AlignBench"
    assert [task["id"] for task in document["tasks"]] == ["mean", "llava", "qwen"]
    assert {(task["config"], task["split"]) for task in document["tasks"]} == {("sentences", "test")}


@pytest.mark.parametrize("build", [alignbench_auroc.summarize, alignbench_auroc.diagnose])
def test_a_saved_result_of_either_config_gives_the_mean_and_every_captioner(build, tmp_path):
    columns = {"captioner": list("aabb"), "image_id": list("xyxy")}
    build([0.9, 0.1, 0.2, 0.8], [1, 0, 1, 0], **columns).save(tmp_path / "result.json")
    saved = results_yaml._read(tmp_path / "result.json")
    assert results_yaml._scores(saved["values"]) == {"mean": 0.5, "a": 1.0, "b": 0.0}
