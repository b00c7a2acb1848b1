"""The example training loop, at a smaller size."""

import importlib.util
from pathlib import Path

import pytest

MISSING = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed")


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[1] / "examples" / "train_tiny_clip.py"
    spec = importlib.util.spec_from_file_location("train_tiny_clip", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tiny_clip_rises_above_what_a_blind_detector_reaches(example, capsys):
    before, after = example.train(epochs=1, scenes=2000, validation_scenes=300)
    blind = max(after["blind_position"], after["blind_length"])
    assert before["auroc_low"] < blind < after["auroc_low"] < after["auroc"] < after["auroc_high"]
    assert after["n"] == 300 * 6
    assert {"auroc_terse", "auroc_wordy"} <= set(after)
    assert "blind: position" in capsys.readouterr().out


def test_false_sentences_are_false_and_labels_say_so(example):
    facts, pictures, examples = example.make_examples(50, seed=3)
    assert pictures.shape == (50, 3, 32, 32)
    for row in examples:
        assert row.label == (row.claims <= facts[row.image])
        assert all(f"a {color} {shape} on the {side}" in row.sentence for side, color, shape in row.claims)
    assert {row.label for row in examples} == {0, 1}


def test_the_model_is_tiny(example):
    assert 300_000 < sum(parameter.numel() for parameter in example.make_model().parameters()) < 500_000
