"""End to end: a small CLIP that really looks beats the controls that do not, on scenes it has never seen."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import alignbench_auroc
import datasets
import numpy as np

import alignbench
from alignbench_tools import detectors, scores, scoring
from alignbench_tools.__main__ import main
from alignbench_tools.captions import Captions

CONTROLS = ("position", "length", "constant", "random")


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[1] / "examples" / "train_tiny_clip.py"
    spec = importlib.util.spec_from_file_location("train_tiny_clip", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(example, tmp_path_factory):
    """Holds the trained model, new scenes, and the scores of all detectors as the command writes them."""
    root = tmp_path_factory.mktemp("tiny")
    example.train(epochs=2, scenes=2000, validation_scenes=50, folder=root / "clip")
    example.write_release(root / "scenes", scenes=400, seed=20_000)
    for model in (f"clip/{root / 'clip'}", *(f"control/{name}" for name in CONTROLS)):
        out = root / f"{model.rpartition('/')[2]}.jsonl"
        assert main(["score", "--model", model, "--data-dir", str(root / "scenes"), "--out", str(out)]) == 0
    return root


@pytest.fixture(scope="module")
def rows(folder):
    return datasets.load_dataset("alignbench", "sentences", data_dir=str(folder / "scenes"), split="test")


def test_scenes_are_a_release_that_loads_whole(rows):
    assert rows.num_rows == 400 * 6
    assert set(rows["captioner"]) == {"terse", "wordy"}
    assert rows[0]["image"].size == (32, 32)
    assert set(rows["label"]) == {0, 1}
    left_out = [each for each in alignbench.report(rows).findings if each.action == "left out"]
    assert not left_out


def test_the_model_that_looks_beats_every_control_by_more_than_its_interval(folder, rows):
    results = {
        name: alignbench_auroc.summarize(
            scores.read(folder / f"{name}.jsonl").aligned(rows["id"][:]),
            rows["label"],
            captioner=rows["captioner"],
            image_id=rows["image_id"],
        )
        for name in ("clip", *CONTROLS)
    }
    highest = max(results[name].get("auroc_high") or 0.5 for name in CONTROLS)
    assert results["clip"]["auroc_low"] > highest > 0.6  # position and length are above chance here
    assert results["constant"]["auroc"] == 0.5


def test_batch_size_and_order_change_no_score_beyond_float_noise(folder, rows, tmp_path):
    known = scores.read(folder / "clip.jsonl").aligned(rows["id"][:])
    shuffled = Captions(rows.shuffle(seed=1))
    for size in (7, 64):
        detector = detectors.build(f"clip/{folder / 'clip'}", {"device": "cpu", "batch_size": size})
        found = scoring.run(detector, shuffled, tmp_path / f"{size}.jsonl", progress=False)
        np.testing.assert_allclose(found.aligned(rows["id"][:]), known, atol=2e-6)


def test_the_saved_model_scores_as_in_training_and_reads_unknown_words_as_unknown(example, folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder / "clip"))
    texts = ["a red circle on the left", "A purple circle on the left."]
    known, strange = tokenizer(texts)["input_ids"]
    assert known == example.tokenize(texts)[0][: len(known)].tolist()
    unknown = example.VOCABULARY["<unk>"]
    assert unknown not in known
    assert [place for place, token in enumerate(strange) if token == unknown] == [
        1,
        6,
    ]  # purple and the point
