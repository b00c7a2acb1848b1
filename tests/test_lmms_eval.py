"""The task for lmms-eval, in the real harness where it is installed."""

import importlib.util
import sys
from pathlib import Path

import alignbench_auroc
import datasets
import numpy as np
import pytest

TASKS = Path(__file__).resolve().parent.parent / "integrations" / "lmms_eval" / "tasks"


@pytest.fixture(scope="module")
def utils():
    spec = importlib.util.spec_from_file_location("alignbench_lmms_eval_utils", TASKS / "utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sample():
    return datasets.load_dataset("alignbench", "sample", split="test")


def test_rows_without_picture_or_with_unknown_label_are_not_asked(utils, sample):
    assert utils.with_picture(sample).num_rows == 210
    blind = sample.map(lambda row: {"image": None if row["captioner"] == "dune" else row["image"]})
    kept = utils.with_picture(blind.cast(sample.features))
    assert set(kept["captioner"]) == {"atlas", "birch", "cedar"}


def test_what_is_asked_is_the_sentence_beside_its_picture(utils, sample):
    row = sample[2]
    assert row["sentence"] in utils.doc_to_text(row)
    assert row["caption"] not in utils.doc_to_text(row)
    (picture,) = utils.doc_to_visual(row)
    assert (picture.mode, picture.size) == ("RGB", row["image"].size)
    assert utils.doc_to_target(row) == "incorrect"


def test_answers_become_the_metrics_number_and_those_without_score_count_against_the_model(utils, sample):
    rows = utils.with_picture(sample)
    rng = np.random.default_rng(0)
    answers = [str(int(score)) for score in rng.integers(0, 100, rows.num_rows)]
    found = [utils.process_results(row, [answer]) for row, answer in zip(rows, answers, strict=True)]
    columns = {name: rows[name] for name in ("captioner", "image_id")}
    expected = alignbench_auroc.summarize(list(map(float, answers)), rows["label"], **columns)["auroc"]
    assert utils.auroc([each["alignbench_auroc"] for each in found]) == pytest.approx(expected, abs=1e-12)
    silent = [utils.process_results(row, ["I'd rather not."]) for row in rows]
    assert utils.unparsed([each["alignbench_unparsed"] for each in silent]) == 210
    assert utils.auroc([each["alignbench_auroc"] for each in silent]) == 0.0


def test_the_harness_runs_the_task_with_its_dummy_model(monkeypatch):
    pytest.importorskip("lmms_eval", reason="lmms-eval is not installed")
    from lmms_eval import evaluator
    from lmms_eval.tasks import TaskManager

    monkeypatch.setattr(sys, "argv", ["lmms-eval"])
    manager = TaskManager(include_path=str(TASKS))
    assert {"alignbench", "alignbench_sample"} <= set(manager.all_tasks)
    found = evaluator.simple_evaluate(
        model="dummy",
        model_args="response=85",
        tasks=["alignbench_sample"],
        task_manager=manager,
        limit=40,
        log_samples=True,
    )
    numbers = found["results"]["alignbench_sample"]
    assert numbers["alignbench_auroc,none"] == 0.5
    assert numbers["alignbench_unparsed,none"] == 0
    assert len(found["samples"]["alignbench_sample"]) == 40
