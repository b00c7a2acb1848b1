"""The metric as `evaluate` loads it: both configs, batches, processes, copied folders."""

import shutil
import subprocess
import sys
from pathlib import Path

import alignbench_auroc
import evaluate
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

FOLDER = Path(alignbench_auroc.__file__).parent
SCRIPT = str(FOLDER / "alignbench_auroc.py")


@pytest.fixture(scope="module")
def benchmark():
    """600 sentences of three captioners on 40 images, some unknown, scores with ties."""
    rng = np.random.default_rng(7)
    n = 600
    labels = rng.choice([0, 1, 2], n, p=[0.3, 0.6, 0.1])
    return {
        "predictions": np.round(rng.normal(size=n) + labels % 2, 1),
        "references": labels,
        "captioner": rng.choice(["qwen", "llava", "gpt4o"], n).tolist(),
        "image_id": rng.integers(0, 40, n).astype(str).tolist(),
        "position": rng.integers(0, 8, n),
        "hallucination_types": [[int(rng.integers(9))] if label == 0 else [] for label in labels],
        "domain": rng.choice(["Food", "Nature"], n).tolist(),
    }


def cut(columns, start, stop):
    return {name: values[start:stop] for name, values in columns.items()}


@pytest.mark.smoke
def test_per_captioner_mean_and_pooled_auroc_equal_scikit_learn(benchmark):
    result = evaluate.load(SCRIPT, "diagnostics").compute(**benchmark)
    known = benchmark["references"] != 2
    expected = {}
    for name in ("gpt4o", "llava", "qwen"):
        rows = known & (np.array(benchmark["captioner"]) == name)
        expected[name] = roc_auc_score(benchmark["references"][rows], benchmark["predictions"][rows])
    pooled = roc_auc_score(benchmark["references"][known], benchmark["predictions"][known])
    assert result["captioners"].keys() == expected.keys()
    for name, value in expected.items():
        assert result["captioners"][name]["auroc"] == pytest.approx(value, abs=1e-12)
    assert result["auroc"] == pytest.approx(np.mean(list(expected.values())), abs=1e-12)
    assert result["auroc_pooled"] == pytest.approx(pooled, abs=1e-12)


@pytest.mark.smoke
def test_default_config_gives_flat_numbers(benchmark):
    metric = evaluate.load(SCRIPT)
    result = metric.compute(predictions=[0.9, 0.2, 0.6, 0.4, 0.5], references=[1, 0, 0, 1, 2])
    assert result["auroc"] == result["auroc_pooled"] == 0.75
    assert (result["n"], result["n_correct"], result["n_incorrect"], result["n_unknown"]) == (4, 2, 2, 1)
    columns = {name: benchmark[name] for name in ("predictions", "references", "captioner", "image_id")}
    result = metric.compute(**columns)
    assert all(isinstance(value, (int, float)) for value in result.values())
    assert result["auroc_qwen_low"] < result["auroc_qwen"] < result["auroc_qwen_high"]


def test_unknown_labels_are_dropped_and_counted(benchmark):
    metric = evaluate.load(SCRIPT)
    known = benchmark["references"] != 2
    result = metric.compute(predictions=benchmark["predictions"], references=benchmark["references"])
    without = metric.compute(
        predictions=benchmark["predictions"][known], references=benchmark["references"][known]
    )
    assert result["auroc"] == without["auroc"]
    assert result["n_unknown"] == (~known).sum()
    assert any("unknown" in note for note in result.notes)


@pytest.mark.smoke
@pytest.mark.parametrize("keep_in_memory", [False, True])
def test_batches_give_exactly_what_one_call_gives(benchmark, tmp_path, keep_in_memory):
    metric = evaluate.load(
        SCRIPT, "diagnostics", cache_dir=str(tmp_path), keep_in_memory=keep_in_memory, experiment_id="batches"
    )
    at_once = metric.compute(**benchmark)
    for start in range(0, 600, 100):
        metric.add_batch(**cut(benchmark, start, start + 100))
    batched = metric.compute()
    np.testing.assert_equal(dict(batched), dict(at_once))
    assert batched.signature == at_once.signature


def test_compute_takes_the_last_batch_itself(benchmark, tmp_path):
    metric = evaluate.load(SCRIPT, "diagnostics", cache_dir=str(tmp_path))
    metric.add_batch(**cut(benchmark, 0, 400))
    result = metric.compute(**cut(benchmark, 400, 600))
    np.testing.assert_equal(dict(result), dict(metric.compute(**benchmark)))


def test_single_rows_can_be_added(tmp_path):
    metric = evaluate.load(SCRIPT, cache_dir=str(tmp_path))
    for score, label in zip([0.9, 0.2, None, 0.6, 0.4], [1, 0, 1, 0, 1], strict=True):
        metric.add(prediction=score, reference=label)
    assert metric.compute(missing="drop")["auroc"] == 0.75


def test_columns_that_are_null_at_first_survive_batches(benchmark, tmp_path):
    metric = evaluate.load(SCRIPT, "diagnostics", cache_dir=str(tmp_path))
    columns = dict(benchmark, domain=[None] * 300 + benchmark["domain"][300:], position=None)
    columns["hallucination_types"] = [None, *benchmark["hallucination_types"][1:]]
    at_once = metric.compute(**columns)
    for start in (0, 300):
        part = {name: None if v is None else v[start : start + 300] for name, v in columns.items()}
        metric.add_batch(**part)
    np.testing.assert_equal(dict(metric.compute()), dict(at_once))


PROCESS = """
import pickle, sys
import evaluate
script, cache, process = sys.argv[1], sys.argv[2], int(sys.argv[3])
metric = evaluate.load(script, "diagnostics", cache_dir=cache, num_process=2, process_id=process,
                       experiment_id="two")
for batch in pickle.load(open(f"{cache}/batches.pickle", "rb"))[process::2]:
    metric.add_batch(**batch)
result = metric.compute()
assert (result is None) == (process == 1)
if result is not None:
    pickle.dump((dict(result), result.signature), open(f"{cache}/result.pickle", "wb"))
"""


def test_two_processes_give_exactly_the_single_process_result(benchmark, tmp_path):
    import pickle

    batches = [cut(benchmark, start, start + 50) for start in range(0, 600, 50)]
    (tmp_path / "batches.pickle").write_bytes(pickle.dumps(batches))
    command = [sys.executable, "-c", PROCESS, SCRIPT, str(tmp_path)]
    running = [subprocess.Popen([*command, str(process)]) for process in (0, 1)]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    result, signature = pickle.loads((tmp_path / "result.pickle").read_bytes())
    single = evaluate.load(SCRIPT, "diagnostics").compute(**benchmark)
    np.testing.assert_equal(result, dict(single))
    assert signature == single.signature


@pytest.mark.smoke
def test_the_copied_folder_alone_loads_and_computes(tmp_path):
    folder = tmp_path / "alignbench_auroc"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import sys, evaluate\n"
        "sys.modules['alignbench_auroc'] = None\n"
        "for config in (None, 'diagnostics'):\n"
        "    metric = evaluate.load(sys.argv[1], config)\n"
        "    extra = {'captioner': ['a'] * 4, 'image_id': list('xyxy'), 'position': None,\n"
        "             'hallucination_types': None, 'domain': None} if config else {}\n"
        "    result = metric.compute(predictions=[0.9, 0.2, 0.6, 0.4], references=[1, 0, 0, 1], **extra)\n"
        "    assert result['auroc'] == 0.75, result\n"
    )
    environment = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_unknown_config_names_are_refused():
    with pytest.raises(ValueError, match="expected one of default, diagnostics, got 'diagnostic'"):
        evaluate.load(SCRIPT, "diagnostic")


def test_computing_nothing_says_what_is_expected():
    with pytest.raises(ValueError, match="expected predictions and references"):
        evaluate.load(SCRIPT).compute()


def test_inputs_that_the_config_does_not_have_are_refused():
    with pytest.raises(ValueError, match="expected inputs predictions, references, got captioner"):
        evaluate.load(SCRIPT).add_batch(predictions=[1.0], references=[1], captioner=["a"])
