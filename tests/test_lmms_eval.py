"""The task for lmms-eval, in the real harness where it is installed."""

import importlib.util
import shutil
import sys
from pathlib import Path

import alignbench_auroc
import datasets
import numpy as np
import pytest
import yaml
from PIL import Image

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


@pytest.fixture
def harness(monkeypatch):
    """The harness with its dummy model, which answers everything alike, on a folder of tasks."""
    pytest.importorskip("lmms_eval", reason="lmms-eval is not installed")
    from lmms_eval import evaluator
    from lmms_eval.tasks import TaskManager

    monkeypatch.setattr(sys, "argv", ["lmms-eval"])

    def run(task, answer, folder=TASKS, **options):
        return evaluator.simple_evaluate(
            model="dummy",
            model_args=f"response={answer}",
            tasks=[task],
            task_manager=TaskManager(include_path=str(folder), include_defaults=False),
            log_samples=True,
            **options,
        )

    return run


def test_the_harness_knows_both_tasks(harness):
    from lmms_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(TASKS))
    assert {"alignbench", "alignbench_sample"} <= set(manager.all_tasks)


@pytest.mark.parametrize(("answer", "auroc", "unparsed"), [("85", 0.5, 0), ("I would rather not.", 0.0, 40)])
def test_the_harness_runs_the_task_with_its_dummy_model(harness, answer, auroc, unparsed):
    found = harness("alignbench_sample", answer, limit=40)
    numbers = found["results"]["alignbench_sample"]
    assert numbers["alignbench_auroc,none"] == auroc
    assert numbers["alignbench_unparsed,none"] == unparsed
    assert numbers["alignbench_auroc_stderr_clt,none"] == "N/A"
    assert len(found["samples"]["alignbench_sample"]) == 40


def test_the_harness_takes_a_release_on_this_machine(harness, write_release, tmp_path, store):
    labels = ["correct", "incorrect", "unknown"]
    release = write_release(*({"sentence_index": i, "annotation": label} for i, label in enumerate(labels)))
    (release / "images").mkdir()
    Image.new("RGB", (8, 8)).save(release / "images" / "1.png")
    tasks = shutil.copytree(TASKS, tmp_path / "tasks")
    own = {"include": "_alignbench_template_yaml", "task": "own", "dataset_name": "sentences"}
    (tasks / "own.yaml").write_text(yaml.safe_dump(own | {"dataset_kwargs": {"data_dir": str(release)}}))
    found = harness("own", "85", folder=tasks)
    assert [sample["target"] for sample in found["samples"]["own"]] == ["correct", "incorrect"]
    assert found["results"]["own"]["alignbench_auroc,none"] == 0.5
